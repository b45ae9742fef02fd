import { ContractError } from "@tenantctl/contract";
import { build, type Scope, sql, type Transaction } from "@tenantctl/database";
import { Answer } from "../answer.ts";
import { audited } from "../audit/audited.ts";
import { changedFields } from "../audit/changed-fields.ts";
import type { Handlers } from "../call.ts";
import { alertMetrics } from "./alert-metrics.ts";
import { type RuleRow, ruleColumns } from "./alert-rule.ts";
import { callerName } from "./caller-name.ts";
import { type AlertRule, ruleBody, type StoredRule, storedRules } from "./rule-state.ts";
import { patchedRule } from "./set-rule.ts";
import { testRule } from "./test-rule.ts";

const noSuchRule = (): ContractError =>
  new ContractError("not_found", "There is no such rule.", "`tenantctl alerts rules list` shows the rules.");

const readRule = async (scope: Scope | Transaction, name: string): Promise<AlertRule> => {
  const [row] = await scope.run(sql<StoredRule>`${storedRules} where r.name = ${name}`.compile(build));
  if (row === undefined) throw noSuchRule();
  return ruleBody(row);
};

/** The rule and what it was shipped as (null: an operator made it), locked until the transaction ends. */
const lockRule = async (
  transaction: Transaction,
  name: string,
): Promise<{ rule: RuleRow; shipped: object | null } | undefined> => {
  const [row] = await transaction.run(
    sql<RuleRow & { shipped: object | null }>`select ${ruleColumns}, r.shipped from app.alert_rules r
      where r.name = ${name} for update`.compile(build),
  );
  if (row === undefined) return undefined;
  const { shipped, ...rule } = row;
  return { rule, shipped };
};

export const ruleHandlers: Handlers<
  "alertRules.list" | "alertRules.get" | "alertRules.set" | "alertRules.reset" | "alertRules.test" | "alertMetrics.list"
> = {
  "alertRules.list": async (call) =>
    (await call.scope.run(sql<StoredRule>`${storedRules} order by r.name`.compile(build))).map(ruleBody),

  "alertRules.get": (call) => readRule(call.scope, call.params.name),

  "alertRules.set": (call) =>
    call.scope.transaction(async (transaction) => {
      const { name } = call.params;
      const locked = await lockRule(transaction, name);
      const before = locked?.rule;
      const after = patchedRule(name, before, call.body);
      const changed = before === undefined ? undefined : changedFields<RuleRow>(before, after);
      if (before !== undefined && changed === undefined) return readRule(transaction, name);
      const [written] = await transaction.run(
        sql<{
          name: string;
        }>`insert into app.alert_rules as r (name, metric, about, threshold, critical_threshold, hands_over_at,
            hold_seconds, clear_after_seconds, severity, notify, escalate_after_seconds, enabled, updated_by)
          values (${name}, ${after.metric}, ${after.about}, ${after.threshold}, ${after.criticalThreshold}, ${after.handsOverAt},
            ${after.forSeconds}, ${after.clearAfterSeconds}, ${after.severity}, ${[...after.notify]}::text[],
            ${after.escalateAfterSeconds}, ${after.enabled}, ${callerName(call)})
          on conflict (name) do update set metric = excluded.metric, about = excluded.about, threshold = excluded.threshold,
            critical_threshold = excluded.critical_threshold, hands_over_at = excluded.hands_over_at,
            hold_seconds = excluded.hold_seconds, clear_after_seconds = excluded.clear_after_seconds,
            severity = excluded.severity, notify = excluded.notify, escalate_after_seconds = excluded.escalate_after_seconds,
            enabled = excluded.enabled, updated_by = excluded.updated_by, updated_at = now()
            where ${before !== undefined}::boolean
          returning name`.compile(build),
      );
      if (written === undefined) {
        throw new ContractError(
          "edit_conflict",
          "Somebody else made this rule a moment ago.",
          "Look at it, then send yours again.",
        );
      }
      await transaction.run(
        audited(call, { resourceId: name, before: changed?.before ?? null, after: changed?.after ?? after }),
      );
      return new Answer(before === undefined ? 201 : 200, await readRule(transaction, name));
    }),

  "alertRules.reset": (call) =>
    call.scope.transaction(async (transaction) => {
      const { name } = call.params;
      const locked = await lockRule(transaction, name);
      if (locked === undefined) throw noSuchRule();
      const was = await readRule(transaction, name);
      if (was.source === "shipped") return was;
      const { rule: before, shipped } = locked;
      await transaction.run(
        shipped === null
          ? sql`delete from app.alert_rules where name = ${name}`.compile(build)
          : sql`update app.alert_rules r set metric = s.metric, about = s.about, threshold = s.threshold,
              critical_threshold = s.critical_threshold, hands_over_at = s.hands_over_at, hold_seconds = s.hold_seconds,
              clear_after_seconds = s.clear_after_seconds, severity = s.severity, notify = s.notify,
              escalate_after_seconds = s.escalate_after_seconds, enabled = s.enabled, updated_at = now(), updated_by = ${callerName(call)}
            from jsonb_populate_record(null::app.alert_rules, ${JSON.stringify(shipped)}::jsonb) s
            where r.name = ${name}`.compile(build),
      );
      const after = shipped === null ? undefined : (await lockRule(transaction, name))?.rule;
      const changed = after === undefined ? undefined : changedFields<RuleRow>(before, after);
      await transaction.run(
        audited(call, { resourceId: name, before: changed?.before ?? before, after: changed?.after ?? null }),
      );
      return after === undefined ? was : readRule(transaction, name);
    }),

  "alertRules.test": async (call) => {
    const [rule] = await call.scope.run(
      sql<RuleRow>`select ${ruleColumns} from app.alert_rules r where r.name = ${call.params.name}`.compile(build),
    );
    if (rule === undefined) throw noSuchRule();
    return testRule(call.scope, rule, call.query.threshold);
  },

  "alertMetrics.list": async (call) => {
    const names = Object.keys(alertMetrics).sort();
    const reasons = names.map((name) => sql`${name}::text, ${alertMetrics[name]?.unavailable ?? sql`null::text`}`);
    const [row] = await call.scope.run(
      sql<{ reasons: Record<string, string | null>; rules: Record<string, string[]> }>`select
        jsonb_build_object(${sql.join(reasons)}) as reasons,
        coalesce((select jsonb_object_agg(metric, names) from (select metric, jsonb_agg(name order by name) as names
          from app.alert_rules group by metric) m), '{}') as rules`.compile(build),
    );
    return Object.entries(alertMetrics)
      .map(([name, { unit, about, comparison, cost }]) => ({
        name,
        unit,
        about,
        comparison,
        cost,
        unavailable: row?.reasons[name] ?? null,
        rules: row?.rules[name] ?? [],
      }))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  },
};

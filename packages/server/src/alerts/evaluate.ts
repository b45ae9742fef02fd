import { build, type Database, sql, type Transaction } from "@tenantctl/database";
import { v7 as uuidv7 } from "uuid";
import { type AlertRule, alertRules, type Finding } from "./rules.ts";

/** Taken, with the rule's name, by whoever evaluates it, so that two processes never do it at once. */
const evaluationLock = 7063;
const rowsAtOnce = 500;

/** Refreshes the alerts whose facts still hold and answers those that have none yet. */
const refresh = ({ find }: AlertRule) =>
  sql<Finding>`with found as materialized (${find}),
    refreshed as (update app.alerts a set last_seen_at = now(), severity = f.severity, summary = f.summary,
        evidence = f.evidence, next_step = f.next
      from found f where a.fingerprint = f.fingerprint and a.status <> 'resolved' returning a.fingerprint)
    select f.fingerprint, f."tenantId", f.severity, f.summary, f.evidence, f.next from found f
    where not exists (select from refreshed r where r.fingerprint = f.fingerprint)`.compile(build);

const open = ({ name }: AlertRule, findings: readonly Finding[]) =>
  sql<never>`insert into app.alerts (id, rule, tenant_id, fingerprint, severity, summary, evidence, next_step, opened_at, last_seen_at)
    values ${sql.join(
      findings.map(
        (f) => sql`(${uuidv7()}::uuid, ${name}, ${f.tenantId}::uuid, ${f.fingerprint}, ${f.severity}, ${f.summary},
          ${JSON.stringify(f.evidence)}::jsonb, ${f.next}, now(), now())`,
      ),
    )} on conflict do nothing`.compile(build);

/** What was not seen this time no longer holds. */
const resolveRest = ({ name }: AlertRule) =>
  sql<never>`update app.alerts set status = 'resolved', resolved_at = now()
    where rule = ${name} and status <> 'resolved' and last_seen_at < now()::timestamptz(3)`.compile(build);

const evaluate = async (transaction: Transaction, rule: AlertRule): Promise<void> => {
  const fresh = await transaction.run(refresh(rule));
  for (let from = 0; from < fresh.length; from += rowsAtOnce) {
    await transaction.run(open(rule, fresh.slice(from, from + rowsAtOnce)));
  }
  await transaction.run(resolveRest(rule));
};

/** Opens, refreshes and resolves alerts for all rules; passes over a rule that another process is at. */
export const evaluateAlerts = async (db: Database, rules: readonly AlertRule[] = alertRules): Promise<void> => {
  for (const rule of rules) {
    await db.operator().transaction(async (transaction) => {
      const [lock] = await transaction.run(
        sql<{
          taken: boolean;
        }>`select pg_try_advisory_xact_lock(${sql.lit(evaluationLock)}, hashtext(${rule.name})) as taken`.compile(
          build,
        ),
      );
      if (lock?.taken === true) await evaluate(transaction, rule);
    });
  }
};

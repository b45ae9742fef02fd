import { ContractError, type ResultOf, type Routes } from "@tenantctl/contract";
import { build, type Scope, sql } from "@tenantctl/database";
import { alertMetrics } from "./alert-metrics.ts";
import { findingsOf, type RuleRow, worstFirst } from "./alert-rule.ts";

type Test = ResultOf<Routes["alertRules.test"]>;

const statementMs = 20_000;
const mostShown = 100;

const broken = (rule: RuleRow, reason: string): ContractError =>
  new ContractError(
    "rule_broken",
    `The rule ${rule.name} can't be evaluated: ${reason}.`,
    `\`tenantctl alerts rules metrics\` lists what rules can watch; \`tenantctl alerts rules set ${rule.name} --metric …\` changes it.`,
  );

/** What the rule would find now, its threshold in force or another; reads only. Throws rule_broken. */
export const testRule = async (scope: Scope, rule: RuleRow, tried: number | undefined): Promise<Test> => {
  const metric = Object.hasOwn(alertMetrics, rule.metric) ? alertMetrics[rule.metric] : undefined;
  if (metric === undefined) throw broken(rule, `there is no metric ${rule.metric} in this version`);
  const threshold = tried ?? rule.threshold;
  const begun = performance.now();
  const answer = { rule: rule.name, metric: rule.metric, unit: metric.unit, threshold };
  return scope.transaction(async (transaction) => {
    await transaction.run(sql`set local statement_timeout = ${sql.lit(statementMs)}`.compile(build));
    const [why] = await transaction.run(
      sql<{ reason: string | null }>`select ${metric.unavailable ?? sql`null::text`} as reason`.compile(build),
    );
    const unavailable = why?.reason ?? null;
    const [found] = await transaction
      .run(
        sql<{
          holding: number;
          findings: Test["findings"];
        }>`with f as materialized (${findingsOf(metric, { ...rule, threshold })})
          select (select count(*) from f) as holding, coalesce((select jsonb_agg(jsonb_build_object('severity', w.severity,
              'tenantId', w."tenantId", 'value', w.value, 'summary', w.summary, 'evidence', w.evidence, 'next', w.next,
              'alert', coalesce(
                (select a.status from app.alerts a where a.fingerprint = w.fingerprint and a.status <> 'resolved'),
                (select 'pending' from app.alert_pending p where p.fingerprint = w.fingerprint),
                ${rule.forSeconds === 0 ? "would open" : "would wait"}::text)))
            from (select f.* from f order by ${worstFirst(metric)} limit ${sql.lit(mostShown)}) w), '[]') as findings`.compile(
          build,
        ),
      )
      .catch((error: unknown) => {
        const code = error instanceof Error && "code" in error ? error.code : undefined;
        throw code === "57014" ? broken(rule, `its metric took longer than ${statementMs / 1000} s`) : error;
      });
    return {
      ...answer,
      unavailable,
      durationMs: Math.round((performance.now() - begun) * 10) / 10,
      holding: unavailable === null ? (found?.holding ?? 0) : 0,
      findings: unavailable === null ? (found?.findings ?? []) : [],
    };
  });
};

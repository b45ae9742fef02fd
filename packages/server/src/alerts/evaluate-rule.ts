import { build, sql, type Transaction } from "@tenantctl/database";
import type { RawBuilder } from "kysely";
import type { AlertMetric } from "./alert-metric.ts";
import type { AlertMetrics } from "./alert-metrics.ts";
import { type Finding, findingsOf, weight, worstFirst } from "./alert-rule.ts";
import { beginEvaluation, type Evaluation, recordOutcome } from "./evaluation.ts";
import { openAlerts } from "./open-alerts.ts";
import { resolveGone } from "./resolve-gone.ts";
import { escalateIgnored, tellOfOpen } from "./tell.ts";

/** Findings that are looked at one by one in an evaluation; the worst come first. */
const mostFresh = 2500;
/** Unresolved alerts that a rule may have; nobody reads more, and each is written at every evaluation. */
const mostUnresolved = 2000;
/** Alerts that one evaluation of a rule opens. */
const mostOpened = 500;

interface Found {
  readonly holding: number;
  readonly fresh: number;
  readonly unresolved: number;
  /** Without an alert yet, the worst first. */
  readonly worst: readonly Finding[];
}

/** Refreshes the alerts whose facts still hold and answers those that have none yet. Severity never falls while one is unresolved. */
const refresh = (metric: AlertMetric, { rule, run, watchedMs }: Evaluation, findings: RawBuilder<Finding>) => {
  const worse = sql<boolean>`${weight(sql`f.severity`)} > ${weight(sql`a.severity`)}`;
  return sql<Found>`with found as materialized (${findings}),
    refreshed as (update app.alerts a set last_seen_at = now(), seen_ms = ${watchedMs}, run = ${run}, value = f.value,
        severity = case when ${worse} then f.severity else a.severity end,
        page_due_ms = case when ${worse} then ${watchedMs} else a.page_due_ms end,
        tried_ms = case when ${worse} then null else a.tried_ms end,
        escalated_at = case when ${worse} then null else a.escalated_at end,
        summary = f.summary, evidence = f.evidence, next_step = f.next
      from found f where a.fingerprint = f.fingerprint and a.status <> 'resolved' returning a.fingerprint),
    fresh as (select f.* from found f where not exists (select from refreshed r where r.fingerprint = f.fingerprint))
    select (select count(*) from found) as holding, (select count(*) from fresh) as fresh,
      (select count(*) from app.alerts where rule = ${rule.name} and status <> 'resolved') as unresolved,
      coalesce((select jsonb_agg(to_jsonb(w)) from (select f.* from fresh f order by ${worstFirst(metric)} limit ${sql.lit(mostFresh)}) w),
        '[]') as worst`.compile(build);
};

/** What holds now, as a select to stand in a statement that writes. */
const findingsNow = async (transaction: Transaction, metric: AlertMetric, { rule, citus }: Evaluation) => {
  const findings = findingsOf(metric, rule);
  if (!citus) return findings;
  const [found] = await transaction.run(
    sql<{ rows: string }>`select coalesce(json_agg(f), '[]')::text as rows from (${findings}) f`.compile(build),
  );
  return sql<Finding>`select * from jsonb_to_recordset(${found?.rows ?? "[]"}::jsonb)
    as f(fingerprint text, "tenantId" uuid, value float8, severity text, summary text, evidence jsonb, next text)`;
};

const whyUnavailable = async (transaction: Transaction, { unavailable }: AlertMetric): Promise<string | null> => {
  if (unavailable === undefined) return null;
  const [row] = await transaction.run(sql<{ reason: string | null }>`select ${unavailable} as reason`.compile(build));
  return row?.reason ?? null;
};

/** One rule, in a transaction of its own. Throws where the rule can't be evaluated; then nothing of it is kept. */
export const evaluateRule = async (
  transaction: Transaction,
  name: string,
  metrics: AlertMetrics,
  statementMs: number,
): Promise<void> => {
  const begun = performance.now();
  await transaction.run(sql`set local statement_timeout = ${sql.lit(statementMs)}`.compile(build));
  const evaluation = await beginEvaluation(transaction, name);
  if (evaluation === undefined) return;
  const { rule } = evaluation;
  const metric = Object.hasOwn(metrics, rule.metric) ? metrics[rule.metric] : undefined;
  if (metric === undefined) throw new Error(`there is no metric ${rule.metric} in this version`);
  const took = (): number => performance.now() - begun;

  const unavailable = await whyUnavailable(transaction, metric);
  if (unavailable !== null) {
    await transaction.run(recordOutcome(name, { durationMs: took(), holding: 0, withheld: 0, unavailable }));
    return;
  }
  const findings = await findingsNow(transaction, metric, evaluation);
  const [found] = await transaction.run(refresh(metric, evaluation, findings));
  if (found === undefined) throw new Error("totals without a group are one row");
  const room = Math.max(0, Math.min(mostOpened, mostUnresolved - found.unresolved));
  const { opened, waiting } = await openAlerts(transaction, evaluation, found.worst, room);
  await resolveGone(transaction, evaluation);
  await tellOfOpen(transaction, evaluation);
  await escalateIgnored(transaction, evaluation);
  await transaction.run(
    recordOutcome(name, {
      durationMs: took(),
      holding: found.holding,
      withheld: Math.max(0, found.fresh - opened - waiting),
      unavailable: null,
    }),
  );
};

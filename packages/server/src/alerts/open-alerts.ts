import { build, sql, type Transaction } from "@tenantctl/database";
import { v7 as uuidv7 } from "uuid";
import type { Finding } from "./alert-rule.ts";
import type { Evaluation } from "./evaluation.ts";

/** An alert that comes back within this much watched time is the same one, and tells nobody before it is over. */
const reopenWindowMs = 900_000;

/** Notes what holds, and answers which of it has held for as long as the rule asks. */
const ripen = async (
  transaction: Transaction,
  { rule, run, watchedMs }: Evaluation,
  findings: readonly Finding[],
): Promise<readonly Finding[]> => {
  if (rule.forSeconds === 0) return findings;
  const rows = await transaction.run(
    sql<{ fingerprint: string }>`with noted as (
        insert into app.alert_pending as p (fingerprint, rule, since_ms, run)
        select distinct f, ${rule.name}, ${watchedMs}::bigint, ${run}::bigint
        from unnest(${findings.map(({ fingerprint }) => fingerprint)}::text[]) f
        on conflict (fingerprint) do update set run = excluded.run, since_ms = least(p.since_ms, excluded.since_ms)
        returning p.fingerprint, p.since_ms)
      select fingerprint from noted where since_ms + ${rule.forSeconds * 1000}::bigint <= ${watchedMs}::bigint`.compile(
      build,
    ),
  );
  const ripe = new Set(rows.map(({ fingerprint }) => fingerprint));
  return findings.filter(({ fingerprint }) => ripe.has(fingerprint));
};

/** Opens the resolved alert of a moment ago again where there is one and nobody closed it by hand; else a new one. */
const open = ({ rule, run, watchedMs }: Evaluation, findings: readonly Finding[]) =>
  sql<{ fingerprint: string }>`with ripe as (
      select * from jsonb_to_recordset(${JSON.stringify(findings.map((finding) => ({ ...finding, id: uuidv7() })))}::jsonb)
        as f(id uuid, fingerprint text, "tenantId" uuid, severity text, value float8, summary text, evidence jsonb, next text)),
    reopened as (update app.alerts a set status = 'open', resolved_at = null, reopened = a.reopened + 1, severity = f.severity,
        value = f.value, summary = f.summary, evidence = f.evidence, next_step = f.next, last_seen_at = now(),
        seen_ms = ${watchedMs}, run = ${run}, page_due_ms = a.resolved_ms + ${sql.lit(reopenWindowMs)}, notified_at = null,
        tried_ms = null, escalated_at = null, acknowledged_at = null, acknowledged_by = null
      from ripe f where a.id = (select p.id from app.alerts p where p.fingerprint = f.fingerprint and p.status = 'resolved'
        and p.resolved_by is null and p.resolved_ms + ${sql.lit(reopenWindowMs)} > ${watchedMs}::bigint
        order by p.opened_at desc limit 1) returning a.fingerprint),
    made as (insert into app.alerts (id, rule, tenant_id, fingerprint, severity, value, summary, evidence, next_step, opened_at,
        last_seen_at, seen_ms, run, page_due_ms)
      select f.id, ${rule.name}, f."tenantId", f.fingerprint, f.severity, f.value, f.summary, f.evidence, f.next, now(), now(),
        ${watchedMs}, ${run}, ${watchedMs}
      from ripe f where f.fingerprint not in (select fingerprint from reopened) on conflict do nothing returning fingerprint)
    select fingerprint from reopened union all select fingerprint from made`.compile(build);

/** Opens alerts for what has held for long enough, `room` at most. Answers how many, and how many still have to wait. */
export const openAlerts = async (
  transaction: Transaction,
  evaluation: Evaluation,
  findings: readonly Finding[],
  room: number,
): Promise<{ opened: number; waiting: number }> => {
  const ripe = findings.length === 0 ? [] : await ripen(transaction, evaluation, findings);
  const chosen = ripe.slice(0, room);
  if (chosen.length > 0) await transaction.run(open(evaluation, chosen));
  const opened = chosen.map(({ fingerprint }) => fingerprint);
  await transaction.run(
    sql`delete from app.alert_pending where rule = ${evaluation.rule.name}
      and (run <> ${evaluation.run}::bigint or fingerprint = any (${opened}::text[]))`.compile(build),
  );
  return { opened: chosen.length, waiting: findings.length - ripe.length };
};

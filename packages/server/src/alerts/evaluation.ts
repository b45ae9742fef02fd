import { build, sql, type Transaction } from "@tenantctl/database";
import { type RuleRow, ruleColumns } from "./alert-rule.ts";

/** Taken, with the rule's name, by whoever evaluates it, so that two processes never do it at once. */
const evaluationLock = 7063;

/** Of the time between two evaluations this much counts as watched: more is a pause, or a clock that jumped. */
const longestStepMs = 120_000;

/** One evaluation of one rule, and where it stands on the rule's clock of watched time. */
export interface Evaluation {
  readonly rule: RuleRow;
  readonly run: number;
  readonly watchedMs: number;
  /** On Citus no statement both reads tenants' tables and writes alerts. */
  readonly citus: boolean;
}

/** Claims the rule until the transaction ends; undefined where another process is at it, or it is gone or off. */
export const beginEvaluation = async (transaction: Transaction, name: string): Promise<Evaluation | undefined> => {
  const [lock] = await transaction.run(
    sql<{
      taken: boolean;
    }>`select pg_try_advisory_xact_lock(${sql.lit(evaluationLock)}, hashtext(${name})) as taken`.compile(build),
  );
  if (lock?.taken !== true) return undefined;
  const [found] = await transaction.run(
    sql<RuleRow & { citus: boolean }>`select ${ruleColumns},
      exists (select from pg_catalog.pg_extension where extname = 'citus') as citus from app.alert_rules r where r.name = ${name} and r.enabled`.compile(
      build,
    ),
  );
  if (found === undefined) return undefined;
  const { citus, ...rule } = found;
  const [step] = await transaction.run(
    sql<{ run: number; watchedMs: number }>`insert into app.alert_evaluations as e (rule, run) values (${name}, 1)
      on conflict (rule) do update set run = e.run + 1, evaluated_at = now(), watched_ms = e.watched_ms
        + least(greatest(extract(epoch from now() - e.evaluated_at) * 1000, 0), ${sql.lit(longestStepMs)})::bigint
      returning run, watched_ms as "watchedMs"`.compile(build),
  );
  if (step === undefined) throw new Error("an insert returned nothing");
  return { rule, citus, ...step };
};

export interface Outcome {
  readonly durationMs: number;
  readonly holding: number;
  readonly withheld: number;
  readonly unavailable: string | null;
}

export const recordOutcome = (name: string, { durationMs, holding, withheld, unavailable }: Outcome) =>
  sql<never>`update app.alert_evaluations set duration_ms = ${durationMs}, holding = ${holding}, withheld = ${withheld},
      unavailable = ${unavailable}, error = null, failures = 0 where rule = ${name}`.compile(build);

/** What failed was not watched: its alerts stay as they are, and its clock stands still. */
export const recordFailure = (name: string, durationMs: number, error: string) =>
  sql<never>`insert into app.alert_evaluations as e (rule, duration_ms, error, failures) values (${name}, ${durationMs}, ${error}, 1)
    on conflict (rule) do update set evaluated_at = now(), duration_ms = excluded.duration_ms, error = excluded.error,
      failures = e.failures + 1`.compile(build);

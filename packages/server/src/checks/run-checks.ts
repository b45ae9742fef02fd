import type { CheckCadence, CheckItem, Figure, TriedCommand } from "@tenantctl/contract";
import { build, type Scope, sql } from "@tenantctl/database";
import type { CompiledQuery } from "kysely";
import type { App } from "../app.ts";
import { asContractError } from "../problem.ts";
import { cadences } from "./cadences.ts";
import type { Check, Looking } from "./check.ts";
import { checks } from "./checks.ts";

/** What a run of a checklist found. Times are the database's. */
export interface Ran {
  readonly since: string;
  readonly startedAt: string;
  readonly items: readonly CheckItem[];
  readonly figures: readonly Figure[];
}

const patience = sql`set local statement_timeout = '15s'`.compile(build);
/** Errors and refusals are not kept for longer. */
const furthestDays = 90;

const iso = (expression: ReturnType<typeof sql>) =>
  sql<string>`to_char((${expression}) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;

/** Now, when the run before began, and from when on this one looks: from then, or a whole cadence back if that is longer. */
const span = (cadence: CheckCadence): CompiledQuery<{ now: string; since: string; lastRun: string }> => {
  const back = sql`now() - make_interval(days => ${sql.lit(cadences[cadence].days)})`;
  const last = sql`coalesce((select max(least(started_at, now())) from app.check_runs where cadence = ${cadence}), ${back})`;
  const furthest = sql`now() - make_interval(days => ${sql.lit(furthestDays)})`;
  return sql<{ now: string; since: string; lastRun: string }>`select ${iso(sql`now()`)} as now,
    ${iso(sql`greatest(least(${last}, ${back}), ${furthest})`)} as since, ${iso(sql`greatest(${last}, ${furthest})`)} as "lastRun"`.compile(
    build,
  );
};

/** A check that can't look is a problem of its own: nothing must pass because nobody saw it. */
const lookAt = async (check: Check, looking: Looking): Promise<{ item: CheckItem; figures: Figure[] }> => {
  const { id, title } = check;
  try {
    const { result, evidence, next = null, figures = [] } = await check.look(looking);
    const bounded = evidence.map((line) => (line.length > 500 ? `${line.slice(0, 499)}…` : line));
    return {
      item: { id, title, result, evidence: bounded, next },
      figures: figures.map((figure) => ({ item: id, ...figure })),
    };
  } catch (error) {
    const known = asContractError(error);
    // Nothing can be seen or kept then, and whoever asks must log in again or wait.
    if (known.code !== "internal" && known.code !== "timeout") throw error;
    looking.app.log.error({ err: error, check: id }, "a check failed");
    looking.app.errors.add({ error, source: "job", place: `check ${id}` });
    const why =
      known.code === "timeout" ? "it took longer than 15 seconds" : "an unexpected error; the API's log has it";
    return {
      item: {
        id,
        title,
        result: "problem",
        evidence: [`could not be looked at: ${why}`],
        next: "tenantctl logs errors",
      },
      figures: [],
    };
  }
};

/** Looks at each item of a checklist, one after the other: a checklist is in no hurry, and others need the connections. */
export const runChecks = async (
  app: App,
  scope: Scope,
  cadence: CheckCadence,
  documentation: readonly TriedCommand[] | undefined,
): Promise<Ran> => {
  const [times] = await scope.run(span(cadence));
  if (times === undefined) throw new Error("the clock answers one row");
  const looking: Looking = {
    app,
    scope,
    since: times.since,
    lastRun: times.lastRun,
    documentation,
    ask: async (query) => (await scope.batch([patience, query]))[1],
  };
  const items: CheckItem[] = [];
  const figures: Figure[] = [];
  for (const check of checks.filter((one) => one.cadence === cadence)) {
    const found = await lookAt(check, looking);
    items.push(found.item);
    figures.push(...found.figures);
  }
  return { since: times.since, startedAt: times.now, items, figures };
};

import { build, sql } from "../build.ts";
import type { Scope } from "../scope.ts";
import type { Rehearsal } from "../snapshot.ts";
import { attempt, enterContext, isRefusal, type Outcome, ownRows, type ProbeContext } from "./attempt.ts";
import type { Privilege, Relation } from "./reachable-relations.ts";
import { insertRow, type SampleRow } from "./sample-row.ts";

export const probeVerbs = ["select", "copy", "insert", "update", "move", "delete", "truncate"] as const;
export type ProbeVerb = (typeof probeVerbs)[number];

/** The context the statement ran in: another tenant's, none on a used connection, none on a new one. */
export type ProbeCase = "other tenant" | "no tenant" | "no tenant, new connection";

export interface ProbeFinding {
  relation: string;
  verb: ProbeVerb;
  case: ProbeCase;
  /** What happened, without a full stop. */
  saw: string;
}

export interface NotProven {
  relation: string;
  why: string;
}

export interface RelationProbe {
  findings: ProbeFinding[];
  notProven: NotProven[];
  /** Statements tried. */
  tried: number;
}

interface Probed {
  readonly rehearsal: Rehearsal;
  /** Operator, for controls: it reads every tenant. */
  readonly scope: Scope;
  readonly relation: Relation;
  /** Whose contexts are tried. */
  readonly a: string;
  /** Whose rows they are tried on. */
  readonly b: string;
  /** A row as `b` has it, where one could be made; undefined also where nothing may be written. */
  readonly sample: SampleRow | undefined;
  /** Why there is no sample, where there should be one. */
  readonly noSample: string | undefined;
  readonly verbs: readonly ProbeVerb[];
}

const privilegeOf: Readonly<Record<ProbeVerb, Privilege>> = {
  select: "select",
  copy: "select",
  insert: "insert",
  update: "update",
  move: "update",
  delete: "delete",
  truncate: "truncate",
};

const cases: readonly { readonly name: ProbeCase; readonly none: boolean }[] = [
  { name: "other tenant", none: false },
  { name: "no tenant", none: true },
];

const foreignTo = (column: string, context: ProbeContext) =>
  context === null ? sql`true` : sql`${sql.ref(`r.${column}`)} <> ${sql.lit(context)}::uuid`;

/** Whether anything of others is seen; one row is enough, and nothing of it leaves the database. */
export const seesForeign = (relation: Relation, column: string, context: ProbeContext) =>
  sql<{ seen: boolean }>`select exists (select 1 from ${sql.raw(relation.name)} r
    where ${foreignTo(column, context)}) as seen`.compile(build);

const copyForeign = (relation: Relation, column: string, context: ProbeContext): string =>
  sql`copy (select 1 from ${sql.raw(relation.name)} r where ${foreignTo(column, context)} limit 1) to stdout`.compile(
    build,
  ).sql;

/** Tries every verb as role tenant, in another tenant's context and in none, on rows that a control has shown to be there. */
export async function probeRelation(probed: Probed): Promise<RelationProbe> {
  const { rehearsal, scope, relation, a, b, sample, verbs } = probed;
  const column = relation.tenantColumn;
  const result: RelationProbe = { findings: [], notProven: [], tried: 0 };
  if (column === null) return result;
  const can = (verb: ProbeVerb) => relation.may.includes(privilegeOf[verb]);
  const table = sql.raw(relation.name);
  const its = sql.ref(column);

  const before = can("select")
    ? await attempt(rehearsal, b, () => rehearsal.run(ownRows(relation.name, column, b)))
    : undefined;
  const own = before !== undefined && "rows" in before ? before.rows[0] : undefined;
  // Where nobody may write as a tenant, rows of any other tenant serve as the control; the operator role sees them.
  const control =
    (own?.rows ?? 0) > 0 || (sample !== undefined && !can("select")) || (await othersExist(scope, relation, column, a));
  if (!control) {
    result.notProven.push({
      relation: relation.name,
      why: probed.noSample ?? "no tenant has a row in it yet, so nothing could be seen in it",
    });
  } else if (probed.noSample !== undefined && own?.rows === 0) {
    result.notProven.push({ relation: relation.name, why: `only reading was tried: ${probed.noSample}` });
  }

  const unchanged = async (): Promise<string | undefined> => {
    if (own === undefined) return undefined;
    await enterContext(rehearsal, b);
    const [now] = await rehearsal.run(ownRows(relation.name, column, b));
    return now?.digest === own.digest ? undefined : "the other tenant's rows are not what they were";
  };

  /** A statement that says how many rows it reached: none, and the rows of the other tenant are as before. */
  const reachesNone = (
    context: ProbeContext,
    text: ReturnType<typeof sql>,
  ): Promise<Outcome<{ saw: string | undefined }>> =>
    attempt(rehearsal, context, async () => {
      const [reached] = await rehearsal.run(
        sql<{ rows: number }>`with reached as (${text} returning 1) select count(*)::int as rows from reached`.compile(
          build,
        ),
      );
      if ((reached?.rows ?? 0) > 0) return [{ saw: `it reached ${reached?.rows} row(s) of another tenant` }];
      return [{ saw: await unchanged() }];
    });

  /** A statement that has to be refused outright. */
  const refused = async (
    context: ProbeContext,
    work: () => Promise<unknown>,
    what: string,
  ): Promise<Outcome<{ saw: string | undefined }>> => {
    const outcome = await attempt(rehearsal, context, async () => {
      await work();
      return [];
    });
    if ("rows" in outcome) return { rows: [{ saw: what }] };
    if (isRefusal(outcome.error)) return { rows: [{ saw: undefined }] };
    return { rows: [{ saw: `no policy refused it; only this did: ${outcome.error.message}` }] };
  };

  /** Giving own rows away: refused, or there were none to give. */
  const movesNone = async (
    context: ProbeContext,
    text: ReturnType<typeof sql>,
  ): Promise<Outcome<{ saw: string | undefined }>> => {
    const outcome = await attempt(rehearsal, context, () =>
      rehearsal.run(
        sql<{ rows: number }>`with moved as (${text} returning 1) select count(*)::int as rows from moved`.compile(
          build,
        ),
      ),
    );
    if ("rows" in outcome) {
      return { rows: [{ saw: (outcome.rows[0]?.rows ?? 0) > 0 ? "a row was given to another tenant" : undefined }] };
    }
    if (isRefusal(outcome.error)) return { rows: [{ saw: undefined }] };
    return { rows: [{ saw: `no policy refused it; only this did: ${outcome.error.message}` }] };
  };

  const tries: Readonly<
    Record<ProbeVerb, (context: ProbeContext) => Promise<Outcome<{ saw: string | undefined }>> | undefined>
  > = {
    select: (context) =>
      attempt(rehearsal, context, async () => {
        const [found] = await rehearsal.run(seesForeign(relation, column, context));
        return [{ saw: found?.seen === true ? "rows of other tenants are seen" : undefined }];
      }),
    copy: (context) =>
      attempt(rehearsal, context, async () => {
        let bytes = 0;
        for await (const chunk of rehearsal.copyTo(copyForeign(relation, column, context))) bytes += chunk.length;
        return [{ saw: bytes > 0 ? "rows of other tenants are copied" : undefined }];
      }),
    insert: (context) =>
      sample === undefined
        ? undefined
        : refused(context, () => rehearsal.run(insertRow(relation, sample)), "a row was inserted for another tenant"),
    update: (context) => reachesNone(context, sql`update ${table} set ${its} = ${its} where ${its} = ${b}::uuid`),
    move: (context) =>
      context === null
        ? undefined
        : movesNone(context, sql`update ${table} set ${its} = ${b}::uuid where ${its} = ${context}::uuid`),
    delete: (context) => reachesNone(context, sql`delete from ${table} where ${its} = ${b}::uuid`),
    truncate: (context) =>
      // Not tried where it is allowed: it would lock everybody out, and being allowed is the finding.
      relation.may.includes("truncate")
        ? Promise.resolve({ rows: [{ saw: "the role may truncate it" }] })
        : relation.kind === "v"
          ? undefined
          : refused(context, () => rehearsal.run(sql`truncate ${table}`.compile(build)), "it was emptied"),
  };

  for (const verb of verbs) {
    for (const { name, none } of cases) {
      const context = none ? null : a;
      const trying = tries[verb](context);
      if (trying === undefined) continue;
      const outcome = await trying;
      result.tried += 1;
      if ("rows" in outcome) {
        const saw = outcome.rows[0]?.saw;
        if (saw !== undefined) result.findings.push({ relation: relation.name, verb, case: name, saw });
      } else if (outcome.error.code?.startsWith("23")) {
        // A constraint is asked only about rows that no policy kept the statement from.
        const saw = `no policy refused it; only this did: ${outcome.error.message}`;
        result.findings.push({ relation: relation.name, verb, case: name, saw });
      } else if (!isRefusal(outcome.error)) {
        result.notProven.push({
          relation: relation.name,
          why: `${verb} in the context of ${name}: ${outcome.error.message}`,
        });
      }
    }
  }
  return result;
}

const othersExist = async (scope: Scope, relation: Relation, column: string, a: string): Promise<boolean> => {
  if (relation.kind !== "r" && relation.kind !== "p") return false;
  const [found] = await scope.run(seesForeign(relation, column, a)).catch(() => []);
  return found?.seen === true;
};

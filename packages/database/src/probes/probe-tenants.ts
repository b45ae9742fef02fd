import { build, sql } from "../build.ts";
import type { Database } from "../database.ts";
import type { Scope } from "../scope.ts";
import type { Rehearsal } from "../snapshot.ts";
import { attempt, type ProbeContext } from "./attempt.ts";
import { type NotProven, type ProbeFinding, probeRelation, probeVerbs, seesForeign } from "./probe-relation.ts";
import { type Relation, readReachable } from "./reachable-relations.ts";
import { createRowMaker, isNoRow, type RowMaker } from "./sample-row.ts";

export type { NotProven, ProbeFinding };

export interface ProbeReport {
  /** Tables, views and the like that the role tenant can reach and whose rows belong to tenants. */
  relations: number;
  /** Statements tried. */
  tried: number;
  findings: ProbeFinding[];
  /** Where the trying proves nothing, and why. */
  notProven: NotProven[];
}

export interface ProbeOptions {
  /** Reads only; otherwise rows are made and changed in a transaction that is rolled back. */
  readOnly: boolean;
  /** Called before each table; what it throws ends the probe. */
  onRelation?: ((name: string, done: number, of: number) => Promise<void>) | undefined;
}

const patience = sql`set local statement_timeout = '15s'`.compile(build);
const quickLocks = sql`set local lock_timeout = '5s'`.compile(build);

/** All that a context shows of a view that does not say whose its rows are. */
const contents = (relation: Relation) =>
  sql<{ digest: string }>`select md5(coalesce(string_agg(r::text, ' ' order by r::text), '')) as digest
    from ${sql.raw(relation.name)} r`.compile(build);

const seen = async (rehearsal: Rehearsal, relation: Relation, context: ProbeContext): Promise<string> => {
  const outcome = await attempt(rehearsal, context, () => rehearsal.run(contents(relation)));
  return "rows" in outcome ? (outcome.rows[0]?.digest ?? "") : `error ${outcome.error.code}`;
};

/** On a connection on which no tenant was ever set, which a pool's first statement runs on. */
const probeFresh = async (rehearsal: Rehearsal, relations: readonly Relation[], report: ProbeReport): Promise<void> => {
  for (const relation of relations) {
    if (relation.tenantColumn === null || !relation.may.includes("select")) continue;
    await rehearsal.run(sql`savepoint fresh`.compile(build));
    try {
      const [found] = await rehearsal.run(seesForeign(relation, relation.tenantColumn, null));
      if (found?.seen === true) {
        const saw = "rows of tenants are seen";
        report.findings.push({ relation: relation.name, verb: "select", case: "no tenant, new connection", saw });
      }
    } catch {
      // Refused, or too slow to say: the same is tried again below, where the reason is kept.
    }
    await rehearsal.run(sql`rollback to savepoint fresh`.compile(build));
    report.tried += 1;
  }
};

/** Views without a tenant's column show one tenant the same whether or not another has rows; and that other one sees a change. */
const probeViews = async (
  rehearsal: Rehearsal,
  views: readonly Relation[],
  [a, b]: readonly [string, string],
  makeRows: () => Promise<void>,
  report: ProbeReport,
): Promise<void> => {
  const before = new Map<Relation, readonly string[]>();
  for (const view of views)
    before.set(view, [
      await seen(rehearsal, view, a),
      await seen(rehearsal, view, null),
      await seen(rehearsal, view, b),
    ]);
  await makeRows();
  for (const view of views) {
    const [byOther, byNone, byOwner] = before.get(view) ?? [];
    const changed = async (context: ProbeContext, was: string | undefined) =>
      (await seen(rehearsal, view, context)) !== was;
    const saw = "it shows what another tenant has";
    report.tried += 2;
    if (await changed(a, byOther))
      report.findings.push({ relation: view.name, verb: "select", case: "other tenant", saw });
    else if (await changed(null, byNone))
      report.findings.push({ relation: view.name, verb: "select", case: "no tenant", saw });
    else if (!(await changed(b, byOwner))) {
      report.notProven.push({
        relation: view.name,
        why: "it has no tenant_id, and rows made for a tenant do not show in it",
      });
    }
  }
};

/**
 * Tries, as the role tenant, to get at the rows of tenant `b` from the context of `a` and from none: every table it can
 * reach, every verb. Nothing of it stays. `scope` is an operator scope without a tenant.
 */
export async function probeTenants(
  db: Pick<Database, "rehearseTenant">,
  scope: Scope,
  [a, b]: readonly [string, string],
  { readOnly, onRelation }: ProbeOptions,
): Promise<ProbeReport> {
  const all = await readReachable(scope);
  const relations = all.filter((relation) => relation.class !== "global" && relation.tenantColumn !== null);
  // A global table's rows are no tenant's; what is in no class and says nothing of tenants can only be watched from outside.
  const views = all.filter(
    (relation) => relation.class !== "global" && relation.tenantColumn === null && relation.may.includes("select"),
  );
  const report: ProbeReport = { relations: relations.length + views.length, tried: 0, findings: [], notProven: [] };
  const verbs = readOnly ? (["select", "copy"] as const) : probeVerbs;

  await db.rehearseTenant(
    async (rehearsal) => {
      await rehearsal.run(patience);
      await rehearsal.run(quickLocks);
      await probeFresh(rehearsal, relations, report);
      const maker = createRowMaker(rehearsal, scope, all);
      const samples = new Map<Relation, Awaited<ReturnType<RowMaker["make"]>>>();
      const makeRows = async (tenantId: string) => {
        for (const relation of relations) {
          if (readOnly || !relation.may.includes("insert") || !isTable(relation)) continue;
          await onRelation?.(relation.name, 0, relations.length);
          samples.set(relation, await maker.make(relation, tenantId));
        }
      };
      await makeRows(a);
      if (readOnly) {
        for (const { name } of views)
          report.notProven.push({ relation: name, why: "it has no tenant_id to tell whose its rows are" });
      } else {
        await probeViews(rehearsal, views, [a, b], () => makeRows(b), report);
      }
      for (const [done, relation] of relations.entries()) {
        await onRelation?.(relation.name, done, relations.length);
        const sample = samples.get(relation);
        const probe = await probeRelation({
          rehearsal,
          scope,
          relation,
          a,
          b,
          sample: sample === undefined || isNoRow(sample) ? undefined : sample,
          noSample: sample !== undefined && isNoRow(sample) ? sample.why : undefined,
          verbs,
        });
        report.tried += probe.tried;
        report.findings.push(...probe.findings);
        report.notProven.push(...probe.notProven);
      }
    },
    { readOnly },
  );
  return report;
}

const isTable = ({ kind }: Relation): boolean => kind === "r" || kind === "p";

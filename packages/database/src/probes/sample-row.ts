import { randomUUID } from "node:crypto";
import type pg from "pg";
import { build, sql } from "../build.ts";
import type { Scope } from "../scope.ts";
import type { Rehearsal } from "../snapshot.ts";
import { ownRows, perform } from "./attempt.ts";
import type { Relation } from "./reachable-relations.ts";
import { type SampleValue, sampleValues } from "./sample-values.ts";

export type SampleRow = Readonly<Record<string, SampleValue>>;

/** What was tried to make a row, when none could be made. */
export interface NoRow {
  readonly why: string;
}

const mostTries = 400;

/** Inserts a row as it is given: columns that it leaves out get their defaults. */
export const insertRow = (relation: Relation, row: SampleRow) => {
  const columns = sql.join(Object.keys(row).map((name) => sql.ref(name)));
  return sql`insert into ${sql.raw(relation.name)} (${columns})
    select ${columns} from jsonb_populate_record(null::${sql.raw(relation.name)}, ${JSON.stringify(row)}::jsonb)`.compile(
    build,
  );
};

const firstRow = async (
  source: Pick<Rehearsal, "run">,
  table: string,
  tenantColumn: string | null,
  tenantId: string,
) => {
  const whose = tenantColumn === null ? sql`` : sql`where ${sql.ref(`t.${tenantColumn}`)} = ${tenantId}::uuid`;
  const [found] = await source.run(
    sql<{
      row: Record<string, SampleValue>;
    }>`select to_jsonb(t) as row from ${sql.raw(table)} t ${whose} limit 1`.compile(build),
  );
  return found?.row;
};

export interface RowMaker {
  /** Makes sure that the tenant has a row in the relation; answers one that could be inserted, if there is one. */
  make(relation: Relation, tenantId: string): Promise<SampleRow | NoRow>;
}

/** How far each column's values have been tried, as the digits of a counter. */
const advance = (digits: Map<string, number>, columns: readonly string[], sizes: (name: string) => number): boolean => {
  for (const name of columns) {
    const next = (digits.get(name) ?? -1) + 1;
    if (next < sizes(name)) {
      digits.set(name, next);
      return true;
    }
    digits.set(name, 0);
  }
  return false;
};

/**
 * Makes rows from what the catalogue says of a table: values by type, parents first, and where a check refuses the row, other
 * values for the columns that the check is about. `scope` (operator) finds rows of global tables to refer to.
 */
export function createRowMaker(rehearsal: Rehearsal, scope: Scope, relations: readonly Relation[]): RowMaker {
  const byName = new Map(relations.map((relation) => [relation.name, relation]));
  const made = new Map<string, SampleRow | NoRow>();

  const parentRow = async (name: string, tenantId: string): Promise<Record<string, SampleValue> | undefined> => {
    const parent = byName.get(name);
    if (parent !== undefined && parent.tenantColumn !== null && parent.may.includes("select")) {
      return firstRow(rehearsal, name, parent.tenantColumn, tenantId);
    }
    const earlier = made.get(`${name} ${tenantId}`);
    return earlier !== undefined && !isNoRow(earlier) ? { ...earlier } : firstRow(scope, name, null, tenantId);
  };

  const make = async (relation: Relation, tenantId: string): Promise<SampleRow | NoRow> => {
    const { tenantColumn } = relation;
    if (tenantColumn === null) return { why: "it does not say whose its rows are" };
    const byColumn = new Map(relation.columns.map((column) => [column.name, column]));
    const fixed = new Map<string, SampleValue>([[tenantColumn, tenantId]]);
    for (const key of relation.foreignKeys) {
      const optional = key.columns.some((name) => byColumn.get(name)?.notNull === false);
      if (key.columns.length === 1 && key.columns[0] === tenantColumn) continue;
      if (key.references === relation.name && optional) continue;
      const parent = await parentRow(key.references, tenantId);
      if (parent === undefined && !optional)
        return { why: `${key.references}, which it refers to, has no row to refer to` };
      for (const [place, name] of key.columns.entries()) {
        const column = byColumn.get(name);
        if (fixed.has(name) || column === undefined) continue;
        const value = parent?.[key.referencedColumns[place] ?? ""];
        if (value !== undefined) fixed.set(name, value);
        else if (!column.notNull) fixed.set(name, null);
      }
    }
    const candidates = new Map(relation.columns.map((column) => [column.name, sampleValues(column, relation.checks)]));
    const digits = new Map<string, number>();
    for (const { name, notNull, hasDefault, generated } of relation.columns) {
      if (notNull && !hasDefault && !generated && !fixed.has(name)) digits.set(name, 0);
    }
    const free = (columns: readonly string[]) =>
      columns.filter((name) => !fixed.has(name) && byColumn.get(name)?.generated === false);
    const size = (name: string) => candidates.get(name)?.length ?? 0;

    let refusal = "";
    for (let tries = 0; tries < mostTries; tries += 1) {
      const chosen = [...digits].map(([name, digit]) => [
        name,
        fresh(byColumn.get(name)?.baseType, candidates.get(name)?.[digit]),
      ]);
      const row: SampleRow = Object.fromEntries([...fixed, ...chosen]);
      const outcome = await perform(rehearsal, tenantId, insertRow(relation, row));
      if (!("error" in outcome)) return row;
      const { error } = outcome;
      refusal = error.message;
      if (!advance(digits, free(concerned(relation, error, [...digits.keys()])), size)) break;
    }
    return { why: `no row could be made of what the catalogue says: ${refusal}` };
  };

  return {
    async make(relation, tenantId) {
      const row = await make(relation, tenantId);
      made.set(`${relation.name} ${tenantId}`, row);
      return row;
    },
  };
}

export const isNoRow = (row: SampleRow | NoRow): row is NoRow => "why" in row && Object.keys(row).length === 1;

/** Ids are new each time, so that no key is in the way. */
const fresh = (type: string | undefined, value: SampleValue | undefined): SampleValue =>
  type === "uuid" && typeof value === "string" ? randomUUID() : (value ?? null);

/** The columns to give other values, from what PostgreSQL says of the refusal. */
const concerned = (relation: Relation, error: pg.DatabaseError, chosen: readonly string[]): readonly string[] => {
  const { code = "", constraint, column, dataType } = error;
  if (code === "23502" && column !== undefined) return [column];
  if (constraint !== undefined && /^23(514|505|P01)/.test(code)) {
    return relation.checks.find(({ name }) => name === constraint)?.columns ?? [];
  }
  if (dataType !== undefined)
    return relation.columns.filter(({ domain }) => domain === dataType).map(({ name }) => name);
  return code.startsWith("22") ? chosen : [];
};

/** Whether the tenant has rows there, as its own context shows it. */
export const rowsOf = (relation: Relation, tenantId: string) =>
  ownRows(relation.name, relation.tenantColumn ?? "tenant_id", tenantId);

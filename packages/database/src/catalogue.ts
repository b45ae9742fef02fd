import { build, sql } from "./build.ts";
import { readCatalogueRows } from "./catalogue-query.ts";
import type { Scope, Transaction } from "./scope.ts";
import type { Snapshot } from "./snapshot.ts";

export type TableClass = "protected" | "retained" | "global" | "registry";

export interface CatalogueColumn {
  name: string;
  /** As PostgreSQL writes it: "uuid", "timestamp(3) with time zone". */
  type: string;
  /** Of the base type: "b"ase, "e"num, "c"omposite, "r"ange …, and for arrays "A". */
  kind: string;
  notNull: boolean;
  /** Computed by PostgreSQL, as a transaction id is, which means nothing elsewhere: read it, never write it. */
  generated: boolean;
  /** Sorted by a collation, so differently from server to server. */
  collated: boolean;
  /** The sequence that belongs to it and gives its default, as it may stand in SQL. */
  sequence: string | null;
  /** Whether a row can be made without it. */
  optional: boolean;
}

export interface CatalogueForeignKey {
  name: string;
  columns: string[];
  /** "schema.table", as in `CatalogueTable.name`. */
  references: string;
  referencedColumns: string[];
  deferrable: boolean;
}

export interface CatalogueTable {
  /** "app.users": schema and table, each quoted only where SQL needs it; safe to stand in SQL. */
  name: string;
  schema: string;
  table: string;
  class: TableClass;
  secretColumns: string[];
  /** Left out of exports and archives (sessions, tokens), deleted with the tenant. */
  transient: boolean;
  /** The planner's estimate, all tenants together; -1 before the first ANALYZE. */
  estimatedRows: number;
  /** The time or date, never null, that it is partitioned by ranges of; null for all other tables. */
  partitionedBy: string | null;
  columns: CatalogueColumn[];
  primaryKey: string[];
  foreignKeys: CatalogueForeignKey[];
}

export interface Catalogue {
  /** Every classified table, those referred to before those that refer. */
  tables: CatalogueTable[];
  table(name: string): CatalogueTable | undefined;
  /** Protected tables, children first: the order in which a tenant's rows can be deleted. */
  deletionOrder(): CatalogueTable[];
  /** Protected, not transient, parents first: what an export or archive holds, in the order it can be put back. */
  exported(): CatalogueTable[];
}

/** Reads what tables there are and how they hang together. `scope` is an operator scope. */
export async function readCatalogue(scope: Scope): Promise<Catalogue> {
  const tables = inForeignKeyOrder(await readCatalogueRows(scope));
  const protectedTables = tables.filter((table) => table.class === "protected");
  return {
    tables,
    table: (name) => tables.find((table) => table.name === name),
    deletionOrder: () => protectedTables.toReversed(),
    exported: () => protectedTables.filter((table) => !table.transient),
  };
}

/** Exact rows per table of one tenant, by `CatalogueTable.name`: one statement, in the scope of that tenant. */
export async function countRows(
  scope: Scope | Transaction | Snapshot,
  tenantId: string,
  tables: readonly CatalogueTable[],
): Promise<Record<string, number>> {
  const counts = tables.map(
    (table) =>
      sql`select ${table.name}::text as name, count(*) as rows from ${sql.raw(table.name)} where tenant_id = ${tenantId}::uuid`,
  );
  if (counts.length === 0) {
    return {};
  }
  const rows = await scope.run(
    sql<{ name: string; rows: number }>`${sql.join(counts, sql` union all `)}`.compile(build),
  );
  return Object.fromEntries(rows.map((row) => [row.name, row.rows]));
}

/** Parents before children; within a cycle (whose keys are deferrable) by name. */
function inForeignKeyOrder(tables: readonly CatalogueTable[]): CatalogueTable[] {
  const byName = new Map(tables.map((table) => [table.name, table]));
  const ordered = new Set<CatalogueTable>();
  const visiting = new Set<CatalogueTable>();
  function visit(table: CatalogueTable): void {
    if (ordered.has(table) || visiting.has(table)) {
      return;
    }
    visiting.add(table);
    for (const key of table.foreignKeys) {
      const parent = byName.get(key.references);
      if (parent !== undefined) {
        visit(parent);
      }
    }
    ordered.add(table);
  }
  for (const table of tables) {
    visit(table);
  }
  return [...ordered];
}

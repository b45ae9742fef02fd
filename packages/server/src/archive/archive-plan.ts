import { createHash } from "node:crypto";
import type { TableDescription, TableSource } from "@tenantctl/archive";
import { ContractError } from "@tenantctl/contract";
import {
  archivedColumns,
  archivedKey,
  build,
  type Catalogue,
  type CatalogueTable,
  copyStatement,
  copyStatements,
  type Database,
  readCatalogue,
  readTableDdl,
  type Scope,
  SYSTEM_TENANT_ID,
  selectStatement,
  sql,
  type TableDdl,
  tenantPlaceholder,
} from "@tenantctl/database";

/** One table as an archive holds it. */
export interface ArchivedTable {
  readonly description: TableDescription;
  ddl(tenantId: string): TableSource["ddl"];
  /** The COPY of one tenant's rows (all of which lie within `within`); in a system archive of what the table holds for it. */
  copy(tenantId: string, within?: Span): string;
  /** The same rows by a statement that stays planned, `$1` the tenant; null in a system archive. */
  readonly select: string | null;
  /** The column by whose ranges it is partitioned. */
  readonly partitionedBy: string | null;
}

/** The first and the last value of the column by which a table is partitioned. */
export interface Span {
  readonly from: string;
  readonly to: string;
}

export interface ArchiveTables {
  readonly ddl: string;
  readonly tables: readonly ArchivedTable[];
  /** Their names, as they may stand in SQL. */
  readonly names: readonly string[];
}

/** What archives are made of, as long as `shape` holds. */
export interface ArchivePlan {
  readonly shape: string;
  readonly migrations: readonly string[];
  readonly tenant: ArchiveTables;
  readonly system: ArchiveTables;
}

/** Counted use, who read what, and the log's seals, which prove something only beside their system's key: in the system archive, in no tenant's own. */
const ofTheSystem = new Set([
  "app.usage_minutes",
  "app.usage_days",
  "app.usage_rollups",
  "app.access_log",
  "app.tenant_sizes",
  "app.audit_seals",
  "app.audit_chains",
]);

/** Who is backing up just now: nothing to bring back. */
const ofTheMoment = new Set(["app.backup_lease"]);

const ddlOf = (ddl: TableDdl, name: string, tenantId: string): TableSource["ddl"] => {
  const { create = "", constraints = "" } = ddl.tables.get(name) ?? {};
  return { create: create.replaceAll(tenantPlaceholder, tenantId), constraints };
};

const describe = (
  table: CatalogueTable,
  columns: CatalogueTable["columns"],
  key: readonly string[],
): TableDescription => ({
  name: table.name,
  columns: columns.map(({ name, type, notNull }) => ({ name, type, notNull })),
  generatedColumns: table.columns.filter(({ generated }) => generated).map(({ name }) => name),
  primaryKey: [...key],
});

/** Protected tables in the order in which they can be put back, then what is there for evidence. */
const tenantTables = (catalogue: Catalogue): CatalogueTable[] => [
  ...catalogue.exported(),
  ...catalogue.tables.filter((table) => table.class === "retained" && !ofTheSystem.has(table.name)),
];

const spanOf = ({ partitionedBy }: CatalogueTable, within: Span | undefined) =>
  partitionedBy === null || within === undefined ? undefined : { column: partitionedBy, ...within };

/** It is prepared by its text: the same columns of other types have to be another statement. */
const typesOf = (columns: CatalogueTable["columns"]): string =>
  createHash("sha256")
    .update(JSON.stringify(columns.map(({ type }) => type)))
    .digest("hex")
    .slice(0, 16);

const tenantTable = (table: CatalogueTable, ddl: TableDdl): ArchivedTable => {
  const columns = archivedColumns(table);
  const key = archivedKey(table);
  const shape = { name: table.name, columns: columns.map(({ name }) => name), key };
  const copy = copyStatements(shape);
  return {
    description: {
      ...describe(
        table,
        columns,
        key.map(({ name }) => name),
      ),
      ...(table.class === "retained" ? { evidence: true } : {}),
    },
    ddl: (tenantId) => ddlOf(ddl, table.name, tenantId),
    partitionedBy: table.partitionedBy,
    copy: (tenantId, within) => copy({ tenantId, within: spanOf(table, within) }),
    select: `${selectStatement(shape)} /* ${typesOf(columns)} */`,
  };
};

/** What belongs to no tenant, the registry of tenants, their logs and use, and the rows of the system itself. */
const systemTables = (catalogue: Catalogue): CatalogueTable[] =>
  catalogue.tables.filter((table) => !table.transient && !ofTheMoment.has(table.name));

const systemTable = (table: CatalogueTable, ddl: TableDdl): ArchivedTable => {
  const columns = table.columns.filter(({ generated }) => !generated);
  const key = table.primaryKey.map((name) => ({
    name,
    collated: columns.find((column) => column.name === name)?.collated === true,
  }));
  const shape = { name: table.name, columns: columns.map(({ name }) => name), key };
  return {
    description: describe(table, columns, table.primaryKey),
    ddl: () => ddlOf(ddl, table.name, SYSTEM_TENANT_ID),
    partitionedBy: null,
    select: null,
    copy: () => copyStatement(table.class === "protected" ? { ...shape, tenantId: SYSTEM_TENANT_ID } : shape),
  };
};

/** Throws transition_forbidden while a table is in no class: nobody knows whether it holds some tenant's data. */
const refuseUnclassified = async (scope: Scope): Promise<void> => {
  const rows = await scope.run(sql<{ name: string }>`select tenancy.unclassified()::text as name`.compile(build));
  if (rows.length === 0) return;
  throw new ContractError(
    "transition_forbidden",
    `In no class of table, so that nobody can tell whose data it holds: ${rows.map(({ name }) => name).join(", ")}.`,
    "Classify it with tenancy.protect, tenancy.retain or tenancy.global, then back up.",
  );
};

const readShape = async (scope: Scope): Promise<string> => {
  const [row] = await scope.run(sql<{ shape: string }>`select tenancy.shape() as shape`.compile(build));
  if (row === undefined) throw new Error("tenancy.shape() gave nothing.");
  return row.shape;
};

const readPlan = async (db: Database): Promise<ArchivePlan> => {
  const scope = db.operator(undefined, { readOnly: true });
  await refuseUnclassified(scope);
  for (;;) {
    const shape = await readShape(scope);
    const catalogue = await readCatalogue(scope);
    const migrations = await scope.run(
      sql<{ name: string }>`select name from tenancy.migrations order by name`.compile(build),
    );
    const make = async (
      tables: CatalogueTable[],
      archived: (table: CatalogueTable, ddl: TableDdl) => ArchivedTable,
    ): Promise<ArchiveTables> => {
      const ddl = await readTableDdl(scope, tables);
      return {
        ddl: ddl.shared,
        tables: tables.map((table) => archived(table, ddl)),
        names: tables.map(({ name }) => name),
      };
    };
    const plan: ArchivePlan = {
      shape,
      migrations: migrations.map(({ name }) => name),
      tenant: await make(tenantTables(catalogue), tenantTable),
      system: await make(systemTables(catalogue), systemTable),
    };
    // Read in several statements: a migration in between would give parts of two shapes.
    if ((await readShape(scope)) === shape) return plan;
  }
};

const plans = new WeakMap<Database, Promise<ArchivePlan>>();

/** The plan as it was last read; anew where there is none or it is the `outdated` one. Throws transition_forbidden. */
export const archivePlan = async (db: Database, outdated?: ArchivePlan): Promise<ArchivePlan> => {
  const kept = plans.get(db);
  if (kept !== undefined && (outdated === undefined || (await kept) !== outdated)) return kept;
  const fresh = readPlan(db);
  plans.set(db, fresh);
  fresh.catch(() => {
    if (plans.get(db) === fresh) plans.delete(db);
  });
  return fresh;
};

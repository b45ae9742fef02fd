import type { Manifest, ManifestTable } from "@tenantctl/archive";
import { archivedKey, type Catalogue, type CatalogueTable, type CopyShape } from "@tenantctl/database";
import { unsupported } from "./restore-fault.ts";

/** A table that an archive holds and this database takes. */
export interface FittingTable {
  readonly table: CatalogueTable;
  readonly archived: ManifestTable;
  /** What is copied back to compare: the archive's columns in the archive's order. */
  readonly shape: Omit<CopyShape, "tenantId">;
}

const restoreThere = "Restore it with the version of tenantctl and of your tables that wrote it, then migrate.";

/** Why the archived form of a table does not fit the one here; undefined where it does. */
const misfit = (archived: ManifestTable, table: CatalogueTable): string | undefined => {
  const here = new Map(table.columns.map((column) => [column.name, column]));
  for (const { name, type } of archived.columns) {
    const column = here.get(name);
    if (column === undefined) return `its column "${name}" is not there any more`;
    if (column.generated) return `its column "${name}" is computed here`;
    if (column.type !== type) return `its column "${name}" is ${column.type} here and ${type} in the archive`;
  }
  const held = new Set(archived.columns.map(({ name }) => name));
  const missing = table.columns.find(
    ({ name, generated, optional }) => name !== "tenant_id" && !generated && !optional && !held.has(name),
  );
  if (missing !== undefined) return `its column "${missing.name}" has no default, and the archive has no values for it`;
  const key = archivedKey(table).map(({ name }) => name);
  if (key.join("\n") !== archived.primaryKey.join("\n")) {
    return `its primary key is (${key.join(", ")}) here and (${archived.primaryKey.join(", ")}) in the archive`;
  }
  return undefined;
};

/**
 * The archive's tables as they can be written here, parents first. What was added since may be empty or have its default; what
 * was removed or is of another type is refused, and so is an archive of a newer schema. Throws archive_unsupported.
 */
export const fitTables = (
  { snapshot, tables }: Pick<Manifest, "snapshot" | "tables">,
  catalogue: Catalogue,
  migrations: readonly string[],
): FittingTable[] => {
  const known = new Set(migrations);
  const newer = snapshot.migrations.filter((name) => !known.has(name));
  if (newer.length > 0) {
    throw unsupported(
      `The archive is of a newer schema: this database has not had ${newer.join(", ")}.`,
      "Update tenantctl and run `tenantctl migrate` (with your own migrations), then restore again.",
    );
  }
  const byName = new Map(tables.map((table) => [table.name, table]));
  if (byName.size < tables.length) throw unsupported("The archive holds a table twice.", "Use another backup.");
  const restorable = new Map(catalogue.exported().map((table) => [table.name, table]));
  for (const archived of tables) {
    if (restorable.has(archived.name) || archived.evidence === true) continue;
    throw unsupported(
      catalogue.table(archived.name) === undefined
        ? `The archive holds the table ${archived.name}, which is not there any more.`
        : `The archive holds the table ${archived.name}, which is not a tenant's data here.`,
      restoreThere,
    );
  }
  return [...restorable.values()].flatMap((table) => {
    const archived = byName.get(table.name);
    if (archived === undefined || archived.evidence === true) return [];
    const why = misfit(archived, table);
    if (why !== undefined) throw unsupported(`The table ${table.name} has changed since: ${why}.`, restoreThere);
    const columns = archived.columns.map(({ name }) => name);
    return [{ table, archived, shape: { name: table.name, columns, key: archivedKey(table) } }];
  });
};

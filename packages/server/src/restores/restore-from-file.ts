import type { OpenArchive } from "@tenantctl/archive";
import { openArchive } from "@tenantctl/archive";
import {
  build,
  type Catalogue,
  type Database,
  readAsExport,
  readCatalogue,
  type Scope,
  sql,
} from "@tenantctl/database";
import { diffTable, type TableDiff } from "./diff-tables.ts";
import { type FittingTable, fitTables } from "./fit-tables.ts";
import { restoreFault } from "./restore-fault.ts";
import { type RestoreRequest, type RestoreTarget, restoreTarget } from "./restore-target.ts";

/** An archive that is whole and that this database takes; nothing has been written. */
export interface CheckedRestore {
  readonly archive: OpenArchive;
  readonly catalogue: Catalogue;
  readonly tables: readonly FittingTable[];
  readonly target: RestoreTarget;
  /** Rows per table. */
  readonly plan: Readonly<Record<string, number>>;
}

const migrationNames = async (scope: Scope): Promise<string[]> => {
  const rows = await scope.run(sql<{ name: string }>`select name from tenancy.migrations`.compile(build));
  return rows.map(({ name }) => name);
};

/** Reads all of an archive, then checks it against this database. Throws what a restore is refused with. */
export const checkRestore = async (db: Database, path: string, request: RestoreRequest): Promise<CheckedRestore> => {
  const archive = await openArchive(path).catch((error: unknown) => {
    throw restoreFault(error);
  });
  try {
    const scope = db.operator(undefined, { readOnly: true });
    const target = await restoreTarget(scope, request, archive.manifest);
    const catalogue = await readCatalogue(scope);
    const tables = fitTables(archive.manifest, catalogue, await migrationNames(scope));
    const plan = Object.fromEntries(tables.map(({ archived }) => [archived.name, archived.rows]));
    return { archive, catalogue, tables, target, plan };
  } catch (error) {
    await archive.close();
    throw error;
  }
};

/** What the restore would change, table by table. */
export const previewRestore = (
  db: Database,
  { archive, tables, target }: CheckedRestore,
): Promise<Record<string, TableDiff>> => {
  if (target.mode !== "in-place") {
    const allNew = tables.map(({ archived }) => [
      archived.name,
      { added: archived.rows, removed: 0, changed: 0, same: 0 },
    ]);
    return Promise.resolve(Object.fromEntries(allNew));
  }
  const lock = tables.map(({ table }) => table.name);
  return db.tenantSnapshot(
    target.tenantId,
    readAsExport(),
    async (snapshot) => {
      const diffs: Record<string, TableDiff> = {};
      for (const table of tables) {
        diffs[table.archived.name] = await diffTable(snapshot, archive, table, target.tenantId);
      }
      return diffs;
    },
    { lock, exactText: true },
  );
};

import { type CopyText, type ManifestTable, type OpenArchive, openArchive } from "@tenantctl/archive";
import type { RestoredTable, ScratchDatabase, ScratchTable } from "@tenantctl/database";
import { failureOf } from "../report-error.ts";
import { archiveFault } from "../restore/archive-fault.ts";
import { pathOf, type StoredItem } from "./repository.ts";
import { scratchFault } from "./scratch.ts";

/** What came of one drill. */
export interface DrilledFile {
  readonly name: string;
  readonly tenantId: string | null;
  readonly file: string;
  readonly snapshotAt: string | null;
  readonly ok: boolean;
  readonly seconds: number;
  readonly rows: number;
  readonly tables: readonly RestoredTable[];
  readonly detail: string | null;
}

const scratchTable = (archive: OpenArchive, table: ManifestTable): ScratchTable => {
  const [create, constraints] = table.ddl.map(({ file }) => archive.ddl.get(file) ?? "");
  return {
    name: table.name,
    columns: table.columns.map(({ name }) => name),
    primaryKey: table.primaryKey,
    rows: table.rows,
    digest: table.digest,
    create: create ?? "",
    constraints: constraints ?? "",
  };
};

async function* copiesOf(archive: OpenArchive): AsyncGenerator<CopyText> {
  for await (const { copy } of archive.tables()) yield copy;
}

const differences = (archive: OpenArchive, restored: readonly RestoredTable[]): string[] =>
  restored
    .filter(({ equal }) => !equal)
    .map(({ table, rows }) => {
      const said = archive.manifest.tables.find(({ name }) => name === table)?.rows;
      return rows === said
        ? `${table}: its rows are not those that were archived`
        : `${table}: ${rows} rows, the archive has ${said}`;
    });

/** The key, or the database for drills, does not do: the next file would fare no better. */
const endsAll = new Set(["wrong_key", "key_missing", "key_invalid", "database_unavailable"]);

/**
 * Restores a stored file into a scratch database and compares every table with what the archive says. A drill that fails is
 * an answer, not an error; throws where the key or the database do not do.
 */
export const drillFile = async (
  stored: StoredItem,
  scratch: ScratchDatabase,
  identities: readonly string[],
): Promise<DrilledFile> => {
  const { name, tenant, item } = stored;
  const started = performance.now();
  const result = (tables: readonly RestoredTable[], faults: readonly string[]): DrilledFile => ({
    name,
    tenantId: tenant?.id ?? null,
    file: item.file ?? "",
    snapshotAt: item.snapshotAt,
    ok: faults.length === 0,
    seconds: Math.round(performance.now() - started) / 1000,
    rows: tables.reduce((sum, { rows }) => sum + rows, 0),
    tables,
    detail: faults.length === 0 ? null : faults.join("; "),
  });
  try {
    const archive = await openArchive(pathOf(stored), { identities });
    try {
      if ((archive.manifest.tenant?.id ?? null) !== (tenant?.id ?? null))
        return result([], [`it holds the archive of ${archive.manifest.tenant?.slug ?? "the system"}`]);
      const tables = await scratch.drill({
        ddl: archive.ddl.get(archive.manifest.ddl.file) ?? "",
        tables: archive.manifest.tables.map((table) => scratchTable(archive, table)),
        copies: copiesOf(archive),
      });
      return result(tables, differences(archive, tables));
    } finally {
      await archive.close();
    }
  } catch (cause) {
    const error = scratchFault(archiveFault(cause, pathOf(stored)));
    const { code, detail } = failureOf(error);
    if (endsAll.has(code)) throw error;
    return result([], [detail]);
  }
};

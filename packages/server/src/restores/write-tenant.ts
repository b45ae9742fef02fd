import { type OpenArchive, stateDigest } from "@tenantctl/archive";
import { ContractError } from "@tenantctl/contract";
import {
  archivedColumns,
  archivedKey,
  build,
  type Catalogue,
  digestTable,
  insertRows,
  type Rewrite,
  sql,
} from "@tenantctl/database";
import { countedUse } from "../quotas/counted-use.ts";
import { noteFilling } from "../quotas/note-filling.ts";
import { archivedRows } from "./archived-rows.ts";
import type { FittingTable } from "./fit-tables.ts";
import { digestRowSet, isRowSet } from "./row-set-digest.ts";

/** What PostgreSQL says of a table that was written, compared with what the archive says of it. */
export interface Proof {
  readonly rows: number;
  readonly digest: string;
  readonly equal: true;
}

/** Throws edit_conflict unless the tenant is still what its newest backup saved. */
export const requireState = async (
  rewrite: Rewrite,
  tenantId: string,
  catalogue: Catalogue,
  present: string,
): Promise<void> => {
  const found: { name: string; digest: string }[] = [];
  for (const table of catalogue.exported()) {
    const columns = archivedColumns(table).map(({ name }) => name);
    const { digest } = await digestTable(rewrite, { name: table.name, columns, key: archivedKey(table), tenantId });
    found.push({ name: table.name, digest });
  }
  if (stateDigest(found) === present) return;
  throw new ContractError(
    "edit_conflict",
    "The tenant has been written to since the backup that was to save its present state.",
    "Back it up again, then restore; suspend it first where it is in use.",
  );
};

/** Removes every row of the tenant, sessions and tokens too. */
export const removeRows = async (rewrite: Rewrite, tenantId: string, catalogue: Catalogue): Promise<void> => {
  for (const { name } of catalogue.deletionOrder()) {
    await rewrite.run(sql`delete from ${sql.raw(name)} where tenant_id = ${tenantId}::uuid`.compile(build));
  }
};

/** Writes the archive's rows, parents first; all keys hold when it returns. */
export const writeRows = async (
  rewrite: Rewrite,
  tenantId: string,
  archive: OpenArchive,
  tables: readonly FittingTable[],
  onProgress: (table: string, rows: number) => void,
): Promise<void> => {
  for (const fitting of tables) {
    const { name, columns } = fitting.shape;
    await insertRows(rewrite, { name, columns, tenantId }, archivedRows(archive, fitting), (rows) =>
      onProgress(name, rows),
    );
  }
  await rewrite.run(sql`set constraints all immediate`.compile(build));
};

/** Reads back what was written. Throws restore_mismatch unless it is, byte for byte, what the archive holds. */
export const proveRows = async (
  rewrite: Rewrite,
  tenantId: string,
  tables: readonly FittingTable[],
): Promise<Record<string, Proof>> => {
  const proofs: Record<string, Proof> = {};
  for (const { archived, shape } of tables) {
    const digest = isRowSet(archived.digest) ? digestRowSet : digestTable;
    const written = await digest(rewrite, { ...shape, tenantId });
    if (written.rows !== archived.rows || written.digest !== archived.digest) {
      throw new ContractError(
        "restore_mismatch",
        `${archived.name} did not come back as it was archived: ${written.rows} rows of ${archived.rows}, digest ${written.digest}.`,
        "Nothing was kept. Please report this with the versions of both databases.",
      );
    }
    proofs[archived.name] = { ...written, equal: true };
  }
  return proofs;
};

/** Counts what quotas count anew, from what was written, where a counter is not what is there. */
export const recount = async (rewrite: Rewrite, tenantId: string): Promise<void> => {
  const uses = await rewrite.run(countedUse(tenantId));
  await rewrite.run(
    sql`insert into app.usage_counters as c (tenant_id, resource, used)
      values ${sql.join(uses.map(({ resource, counted }) => sql`(${tenantId}::uuid, ${resource}::text, ${String(counted)}::bigint)`))}
      on conflict on constraint usage_counters_pkey do update set used = excluded.used, counted_at = excluded.counted_at
      where c.used <> excluded.used`.compile(build),
  );
  await rewrite.run(noteFilling(tenantId));
};

/** Lets sequences go on after what was written, never back. Others wait for it until the end of the transaction. */
export const raiseSequences = async (
  rewrite: Rewrite,
  tenantId: string,
  tables: readonly FittingTable[],
): Promise<void> => {
  for (const { table } of tables) {
    for (const { name, sequence } of table.columns) {
      if (sequence === null) continue;
      // Read by itself: Citus would send the function to the rows' shard.
      const [highest] = await rewrite.run(
        sql<{ reached: string | null }>`select max(${sql.ref(name)})::text as reached from ${sql.raw(table.name)}
          where tenant_id = ${tenantId}::uuid`.compile(build),
      );
      if (highest === undefined || highest.reached === null) continue;
      await rewrite.run(
        sql`select tenancy.raise_sequence(${sequence}::regclass, ${highest.reached}::bigint)`.compile(build),
      );
    }
  }
};

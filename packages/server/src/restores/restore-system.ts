import { openArchive } from "@tenantctl/archive";
import { ContractError } from "@tenantctl/contract";
import {
  build,
  type CatalogueTable,
  digestTable,
  insertRows,
  migrate,
  openDatabase,
  type Rewrite,
  readCatalogue,
  rebuildSystem,
  SYSTEM_TENANT_ID,
  sql,
} from "@tenantctl/database";
import { auditRow } from "../audit/audit-row.ts";
import { archivedRows } from "./archived-rows.ts";
import { restoreFault, unsupported } from "./restore-fault.ts";

export interface SystemRestore {
  /** Of the user who owns the database. */
  readonly url: string;
  readonly prefix?: string | undefined;
  /** A system archive, not encrypted. */
  readonly path: string;
  /** For the audit log: `local:<os user>`. */
  readonly actor: string;
}

export interface SystemRestored {
  readonly tables: Readonly<Record<string, { readonly rows: number; readonly digest: string; readonly equal: true }>>;
  /** Tenants whose records are there again and whose data are still to be restored, each from its own archive. */
  readonly tenants: readonly { readonly id: string; readonly slug: string; readonly status: string }[];
}

const refuseUsed = async (rewrite: Rewrite): Promise<void> => {
  const [row] = await rewrite.run(
    sql<{ tenants: string; operators: string }>`select
      (select count(*) from app.tenants where id <> ${SYSTEM_TENANT_ID}::uuid)::text as tenants,
      (select count(*) from app.operators)::text as operators`.compile(build),
  );
  if (row?.tenants === "0" && row.operators === "0") return;
  throw new ContractError(
    "transition_forbidden",
    `This database is in use: it has ${row?.tenants} tenants and ${row?.operators} operators.`,
    "A system is restored into an empty database only: name another in DATABASE_URL.",
  );
};

/** Empties what the migrations filled; the log of a database that nobody has used yet has nothing to keep. */
const emptySeeded = async (rewrite: Rewrite, tables: readonly CatalogueTable[]): Promise<void> => {
  for (const { name } of tables.toReversed()) await rewrite.run(sql`delete from ${sql.raw(name)}`.compile(build));
};

/**
 * Puts what belongs to no tenant into an empty database: operators with their hashes, plans, tenants' records in the state they
 * were in, holds, facts, the whole log. All of it or nothing, compared with the archive before it is committed. The tenants' data
 * follow one by one. Throws archive_invalid, archive_unsupported, transition_forbidden.
 */
export const restoreSystem = async ({ url, prefix, path, actor }: SystemRestore): Promise<SystemRestored> => {
  try {
    return await putBack({ url, prefix, path, actor });
  } catch (error) {
    throw restoreFault(error);
  }
};

const putBack = async ({ url, prefix, path, actor }: SystemRestore): Promise<SystemRestored> => {
  const archive = await openArchive(path);
  try {
    const { manifest } = archive;
    if (manifest.tenant !== null) {
      throw unsupported(
        `This is the archive of the tenant ${manifest.tenant.slug}, not of the system.`,
        "A run's system archive is `system.tar`.",
      );
    }
    await migrate(url, { prefix });
    const db = await openDatabase({ url, prefix });
    const catalogue = await readCatalogue(db.operator(undefined, { readOnly: true })).finally(() => db.close());
    const names = new Set(manifest.tables.map(({ name }) => name));
    const tables = catalogue.tables.filter(({ name }) => names.has(name));
    const missing = manifest.tables.find(({ name }) => catalogue.table(name) === undefined);
    if (missing !== undefined) {
      throw unsupported(
        `The archive holds the table ${missing.name}, which is not there.`,
        "Run your own migrations on the empty database first.",
      );
    }
    return await rebuildSystem({ url, prefix }, async (rewrite) => {
      await refuseUsed(rewrite);
      await emptySeeded(rewrite, tables);
      const proofs: Record<string, SystemRestored["tables"][string]> = {};
      for (const table of tables) {
        const archived = manifest.tables.find(({ name }) => name === table.name);
        if (archived === undefined) continue;
        const columns = archived.columns.map(({ name }) => name);
        await insertRows(
          rewrite,
          { name: table.name, columns, tenantId: undefined },
          archivedRows(archive, { archived }),
        );
        const key = archived.primaryKey.map((name) => ({
          name,
          collated: table.columns.find((column) => column.name === name)?.collated === true,
        }));
        const written = await digestTable(rewrite, { name: table.name, columns, key });
        if (written.digest !== archived.digest || written.rows !== archived.rows) {
          throw new ContractError(
            "restore_mismatch",
            `${table.name} did not come back as it was archived.`,
            "Nothing was kept. Please report this with the versions of both databases.",
          );
        }
        proofs[table.name] = { ...written, equal: true };
      }
      await rewrite.run(sql`set constraints all immediate`.compile(build));
      // What was under way when the system was lost is not; nobody holds a tenant any more, and its maintenance went with the system.
      await rewrite.run(
        sql`update app.operations set status = 'failed', finished_at = now(),
          error = '{"detail": "The system was lost and restored from a backup.", "code": "internal"}'
          where status in ('queued', 'running')`.compile(build),
      );
      await rewrite.run(
        sql`update app.tenants set hold = null, maintenance = null where hold is not null or maintenance is not null`.compile(
          build,
        ),
      );
      await rewrite.run(
        auditRow({
          tenantId: null,
          action: "restore",
          resourceType: "system",
          detail: `the system restored as of ${manifest.snapshot.at}`,
          actor: { type: "local", id: null, name: actor },
        }),
      );
      const tenants = await rewrite.run(
        sql<SystemRestored["tenants"][number]>`select id, slug, status from app.tenants
          where status <> 'purged' and id <> ${SYSTEM_TENANT_ID}::uuid order by slug`.compile(build),
      );
      return { tables: proofs, tenants };
    });
  } finally {
    await archive.close();
  }
};

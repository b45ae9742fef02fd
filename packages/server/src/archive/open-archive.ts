import { createHash } from "node:crypto";
import type { Readable } from "node:stream";
import { type ArchiveSource, type TableSource, type TenantRecord, writeArchive } from "@tenantctl/archive";
import { build, type Database, type Entry, readAsExport, type Snapshot, sql } from "@tenantctl/database";
import { noSuchTenant } from "../tenants/find-tenant.ts";
import { tenantJson } from "../tenants/tenant-json.ts";
import { type ArchivedTable, type ArchivePlan, type ArchiveTables, archivePlan } from "./archive-plan.ts";

export interface ArchiveBody {
  /** Whose; "system" for what belongs to no tenant. */
  readonly slug: string;
  /** The archive. A failure, or the reader's going away, destroys it and ends the snapshot; it never ends early as a whole one. */
  readonly body: Readable;
}

interface Head {
  readonly shape: string;
  readonly at: string;
  readonly serverVersion: string;
}

const readHead = async (snapshot: Snapshot): Promise<Head> => {
  const [row] = await snapshot.run(
    sql<Head>`select tenancy.shape() as shape, current_setting('server_version') as "serverVersion",
      to_char(now() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at`.compile(build),
  );
  if (row === undefined) throw new Error("The snapshot has no head.");
  return row;
};

const readRecord = async (snapshot: Snapshot, tenantId: string): Promise<TenantRecord> => {
  const [row] = await snapshot.run(
    sql<{ tenant: TenantRecord; previousStatus: string | null }>`select ${tenantJson} as tenant,
      t.previous_status as "previousStatus" from app.tenants t where t.id = ${tenantId}::uuid`.compile(build),
  );
  if (row === undefined) throw noSuchTenant();
  const record = { ...row.tenant, previousStatus: row.previousStatus };
  return record;
};

/** One table's COPY text as it leaves, with the digest of what passed. */
const tableSource = (snapshot: Snapshot, table: ArchivedTable, tenantId: string): TableSource => {
  const copy = snapshot.copyTo(table.copy(tenantId));
  const hash = createHash("sha256");
  async function* hashed(): AsyncGenerator<Buffer, void, undefined> {
    for await (const chunk of copy) {
      hash.update(chunk);
      yield chunk;
    }
  }
  return {
    table: table.description,
    ddl: table.ddl(tenantId),
    copy: hashed(),
    facts: () => ({ rows: copy.rows(), digest: hash.digest("hex") }),
  };
};

function* tableSources(snapshot: Snapshot, { tables }: ArchiveTables, tenantId: string): Generator<TableSource> {
  for (const table of tables) yield tableSource(snapshot, table, tenantId);
}

interface Opening {
  readonly db: Database;
  readonly tables: (plan: ArchivePlan) => ArchiveTables;
  readonly snapshot: (fn: (snapshot: Snapshot) => Promise<void>, lock: readonly string[]) => Promise<void>;
  readonly tenantId: string | null;
}

/** Resolves once the first bytes can be read; what fails before is thrown. */
const openWith = async ({ db, tables, snapshot, tenantId }: Opening): Promise<ArchiveBody> => {
  for (let plan = await archivePlan(db); ; plan = await archivePlan(db, plan)) {
    const content = tables(plan);
    const opened = await new Promise<ArchiveBody | "outdated">((resolve, reject) => {
      snapshot(async (state) => {
        const { shape, ...seen } = await readHead(state);
        if (shape !== plan.shape) {
          resolve("outdated");
          return;
        }
        const tenant = tenantId === null ? null : await readRecord(state, tenantId);
        const source: ArchiveSource = {
          tenant,
          snapshot: { ...seen, migrations: [...plan.migrations] },
          ddl: content.ddl,
          tables: tableSources(state, content, tenantId ?? ""),
        };
        const body = writeArchive(source);
        // Not events.once, which gives up at an error: the snapshot has to last until the reader is through with it.
        const closed = new Promise((done) => body.once("close", done));
        resolve({ slug: tenant?.slug ?? "system", body });
        await closed;
      }, content.names).catch(reject);
    });
    if (opened !== "outdated") return opened;
  }
};

/** Opens one tenant's archive as of this moment, read as the tenant role: suspended, cancelled and soft-deleted ones too. */
export const openTenantArchive = (db: Database, tenantId: string): Promise<ArchiveBody> =>
  openWith({
    db,
    tables: (plan) => plan.tenant,
    snapshot: (fn, lock) => db.tenantSnapshot(tenantId, readAsExport(), fn, { lock, exactText: true }),
    tenantId,
  });

/** Opens the archive of what belongs to no tenant. */
export const openSystemArchive = (db: Database, entry: Entry | undefined): Promise<ArchiveBody> =>
  openWith({
    db,
    tables: (plan) => plan.system,
    snapshot: (fn, lock) => db.operatorSnapshot(entry, fn, { lock, exactText: true }),
    tenantId: null,
  });

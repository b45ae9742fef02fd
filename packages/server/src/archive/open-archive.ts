import { Readable } from "node:stream";
import { inPieces, writeArchive } from "@tenantctl/archive";
import type { Database, Entry, Statement } from "@tenantctl/database";
import { type ArchivePlan, archivePlan } from "./archive-plan.ts";
import { isOfAnotherShape, type Moment, momentQuery, readMoment } from "./moment.ts";
import { tableSources } from "./table-sources.ts";
import { openTenantArchives } from "./tenant-archives.ts";

export interface ArchiveBody {
  /** Whose; "system" for what belongs to no tenant. */
  readonly slug: string;
  /** The archive. A failure, or the reader's going away, destroys it and ends the snapshot; it never ends early as a whole one. */
  readonly body: Readable;
}

/** Opens one tenant's archive as of this moment, read as the tenant role: suspended, cancelled and soft-deleted ones too. What fails before its first byte is thrown. */
export const openTenantArchive = async (db: Database, tenantId: string): Promise<ArchiveBody> => {
  const archives = openTenantArchives(db, [tenantId]);
  try {
    const { slug, bytes } = await archives.open(tenantId);
    const body = Readable.from(inPieces(bytes), { objectMode: false });
    // The snapshot lasts until the reader is through with it, and no longer.
    body.once("close", () => void archives.end());
    return { slug, body };
  } catch (error) {
    await archives.end();
    throw error;
  }
};

/** Opens the archive of what belongs to no tenant. What fails before its first byte is thrown. */
export const openSystemArchive = async (db: Database, entry: Entry | undefined): Promise<ArchiveBody> => {
  for (let plan = await archivePlan(db); ; ) {
    const { tables, names, ddl } = plan.system;
    const copies = tables.map((table): Statement => ({ sql: table.copy(""), parameters: [], plain: true }));
    const answers = db.operatorAnswers(entry, [momentQuery, ...copies], names);
    let moment: Moment;
    try {
      moment = await readMoment(answers);
    } catch (error) {
      const fresh: ArchivePlan = isOfAnotherShape(error) ? await archivePlan(db, plan) : plan;
      if (fresh.shape === plan.shape) throw error;
      plan = fresh;
      continue;
    }
    const { shape, ...seen } = moment;
    if (shape !== plan.shape) {
      await answers.return();
      plan = await archivePlan(db, plan);
      continue;
    }
    const body = writeArchive({
      tenant: null,
      snapshot: { ...seen, migrations: [...plan.migrations] },
      ddl,
      tables: tableSources(answers, tables, ""),
    });
    body.once("close", () => void answers.return());
    return { slug: "system", body };
  }
};

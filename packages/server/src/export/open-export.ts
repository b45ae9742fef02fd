import { Readable } from "node:stream";
import { type Database, type Entries, readCatalogue } from "@tenantctl/database";
import { exportDocument, readHead } from "./export-document.ts";
import { exportedTable } from "./exported-table.ts";

export interface OpenExport {
  readonly slug: string;
  /** The document. A failure, or the reader's going away, destroys it and ends the snapshot; it never ends early. */
  readonly body: Readable;
}

/** Opens one tenant's data as it is at this moment, read as the tenant role behind `entry`. */
export const openExport = async (db: Database, tenantId: string, entry: Entries): Promise<OpenExport> => {
  const catalogue = await readCatalogue(db.operator(undefined, { readOnly: true }));
  const tables = catalogue.exported().map(exportedTable);
  return new Promise((resolve, reject) => {
    db.tenantSnapshot(tenantId, entry, async (snapshot) => {
      const head = await readHead(snapshot, tenantId);
      const body = Readable.from(exportDocument(snapshot, head, tenantId, tables), { objectMode: false });
      // Not events.once, which gives up at an error: the snapshot has to last until the reader is through with it.
      const closed = new Promise((done) => body.once("close", done));
      resolve({ slug: head.slug, body });
      await closed;
    }).catch(reject);
  });
};

import { join } from "node:path";
import { readSeveral } from "@tenantctl/archive";
import { type ItemJob, savedAs } from "./back-up-item.ts";
import { createFeed } from "./feed.ts";
import { receiveArchive } from "./fetch-archive.ts";
import type { ListedTenant } from "./listed-tenants.ts";
import { readBody } from "./read-body.ts";
import { archiveName } from "./run-folder.ts";
import type { ItemRecord } from "./run-record.ts";
import { beginFile } from "./whole-file.ts";

/**
 * Saves several tenants' archives from one request, each as `backUpItem` would; `onSaved` gets those that are whole, one by
 * one. Ends early, or leaves one out, when anything is wrong: what is missing then is to be asked for alone, where it is
 * tried again and its error told. Throws why it ended early.
 */
export const backUpSeveral = async (
  tenants: readonly ListedTenant[],
  { api, folder, recipients, stallMs, signal }: Omit<ItemJob, "onRetry">,
  onSaved: (tenant: ListedTenant, record: ItemRecord) => void,
): Promise<void> => {
  const byId = new Map(tenants.map((tenant) => [tenant.id, tenant]));
  const receive = async (source: AsyncIterable<Uint8Array>): Promise<void> => {
    const events = readSeveral(source);
    for await (const event of events) {
      const tenant = event.kind === "begin" ? byId.get(event.tenantId) : undefined;
      if (tenant === undefined) throw new Error("An archive came that was not asked for.");
      const started = performance.now();
      const name = archiveName(tenant.slug, recipients.length > 0);
      const path = join(folder, name);
      const file = beginFile(path);
      const received = receiveArchive({ tenant, recipients, write: file.write });
      try {
        for (;;) {
          const { done, value } = await events.next();
          if (done === true || value.kind === "begin") throw new Error("An archive did not end.");
          if (value.kind === "data") {
            await received.write(value.bytes);
            continue;
          }
          if (!value.whole) break;
          const fetched = await received.end();
          await file.finish(path);
          byId.delete(tenant.id);
          onSaved(tenant, savedAs(name, fetched, 1, Math.round(performance.now() - started) / 1000));
          break;
        }
      } finally {
        received.abandon();
        await file.discard();
      }
    }
  };
  const fed = createFeed(receive);
  try {
    await readBody(
      (stop) => api.send("backups.archives", { query: { tenants: [...byId.keys()].join(",") } }, { signal: stop }),
      { what: `the archives of ${tenants.length} tenants`, stallMs, signal },
      fed.write,
    );
    await fed.end();
  } finally {
    fed.abandon();
  }
};

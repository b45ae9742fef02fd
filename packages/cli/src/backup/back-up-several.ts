import { join } from "node:path";
import { readSeveral, type SeveralEvent } from "@tenantctl/archive";
import { type ItemJob, savedAs } from "./back-up-item.ts";
import { createFeed } from "./feed.ts";
import { checkSmallArchive, type FetchedArchive, type Receiver, receiveArchive } from "./fetch-archive.ts";
import type { ListedTenant } from "./listed-tenants.ts";
import { readBody } from "./read-body.ts";
import { archiveName } from "./run-folder.ts";
import type { ItemRecord } from "./run-record.ts";
import { beginFile, type WholeFile } from "./whole-file.ts";

/** Up to so many bytes an archive is gathered, checked and written in one step. */
const smallBytes = 1024 * 1024;
/** Memory of that size that nobody gathers in at the moment: V8 collects the sooner for what is made anew. */
const idle: Buffer[] = [];
/** Files that are being made durable while the next ones come. */
const mostUnderWay = 8;

/** One archive of a stream of several, to its end: what was written to `file`, or undefined where it did not come whole. */
const receiveOne = async (
  events: AsyncGenerator<SeveralEvent, void, undefined>,
  { tenant, recipients, memory }: { tenant: ListedTenant; recipients: readonly string[]; memory: Buffer },
  file: WholeFile,
): Promise<FetchedArchive | undefined> => {
  let gathered = 0;
  let received: Receiver | undefined;
  try {
    for (;;) {
      const { done, value } = await events.next();
      if (done === true || value.kind === "begin") throw new Error("An archive did not end.");
      if (value.kind === "end") {
        if (!value.whole) return undefined;
        if (received !== undefined) return await received.end();
        const archive = memory.subarray(0, gathered);
        const checked = checkSmallArchive(tenant, archive);
        file.writeNow(archive);
        return checked;
      }
      if (received === undefined && recipients.length === 0 && gathered + value.bytes.length <= memory.length) {
        memory.set(value.bytes, gathered);
        gathered += value.bytes.length;
        continue;
      }
      if (received === undefined) {
        received = receiveArchive({ tenant, recipients, write: file.write });
        // It reads along behind, and this memory is used again.
        if (gathered > 0) await received.write(Buffer.from(memory.subarray(0, gathered)));
      }
      await received.write(value.bytes);
    }
  } finally {
    received?.abandon();
  }
};

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
  const memory = idle.pop() ?? Buffer.allocUnsafeSlow(smallBytes);
  const underWay = new Set<Promise<void>>();
  const receive = async (source: AsyncIterable<Uint8Array>): Promise<void> => {
    const events = readSeveral(source);
    for await (const event of events) {
      const tenant = event.kind === "begin" ? byId.get(event.tenantId) : undefined;
      if (tenant === undefined) throw new Error("An archive came that was not asked for.");
      byId.delete(tenant.id);
      const started = performance.now();
      const name = archiveName(tenant.slug, recipients.length > 0);
      const path = join(folder, name);
      const file = beginFile(path);
      const save = async (fetched: FetchedArchive): Promise<void> => {
        try {
          await file.finish(path);
          onSaved(tenant, savedAs(name, fetched, 1, Math.round(performance.now() - started) / 1000));
        } finally {
          await file.discard();
        }
      };
      let fetched: FetchedArchive | undefined;
      try {
        fetched = await receiveOne(events, { tenant, recipients, memory }, file);
      } finally {
        if (fetched === undefined) await file.discard();
      }
      if (fetched === undefined) continue;
      // The next one comes while the disk takes this one.
      const saving = save(fetched).finally(() => underWay.delete(saving));
      saving.catch(() => undefined); // thrown below
      underWay.add(saving);
      if (underWay.size >= mostUnderWay) await Promise.race(underWay);
    }
    await Promise.all(underWay);
  };
  const fed = createFeed(receive);
  try {
    await readBody(
      (stop) => api.send("backups.archives", { query: { tenants: [...byId.keys()].join(",") } }, { signal: stop }),
      { what: `the archives of ${tenants.length} tenants`, stallMs, signal },
      fed.write,
    );
    await fed.end();
    // Not where anything failed: what broke off may still be writing there.
    idle.push(memory);
  } finally {
    fed.abandon();
    // Whoever asks for the rest alone finds each file either there or not begun.
    await Promise.allSettled(underWay);
  }
};

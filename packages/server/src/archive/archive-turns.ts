import { ContractError } from "@tenantctl/contract";
import pLimit, { type LimitFunction } from "p-limit";
import type { App } from "../app.ts";
import type { ArchiveBody } from "./open-archive.ts";

/** Archives under way at once in one process: each has a connection and a snapshot of its own. */
const mostAtOnce = 8;
const mostWaiting = 64;
const queues = new WeakMap<App, LimitFunction>();

/** Opens an archive when it is its turn, which lasts until the reader is through. Throws overloaded when too many wait. */
export const inArchiveTurn = (app: App, open: () => Promise<ArchiveBody>): Promise<ArchiveBody> => {
  const queue = queues.get(app) ?? pLimit(mostAtOnce);
  queues.set(app, queue);
  if (queue.pendingCount >= mostWaiting) {
    throw new ContractError(
      "overloaded",
      `${mostAtOnce} archives are being read and ${mostWaiting} more wait.`,
      "Ask for fewer at once; `tenantctl backup --concurrency` says how many.",
      { retryAfter: 5 },
    );
  }
  return new Promise((resolve, reject) => {
    queue(async () => {
      const opened = await open();
      const closed = new Promise((done) => opened.body.once("close", done));
      resolve(opened);
      await closed;
    }).catch(reject);
  });
};

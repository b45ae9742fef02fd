import type { App } from "../app.ts";
import { inBackground } from "../background-work.ts";
import { type SealedBatch, sealBatch } from "./seal-batch.ts";

/** Rows are promised to be sealed within 10 s; a look that finds nothing costs three short statements. */
const everyMs = 1000;

export interface Sealer {
  /** No further batch; waits for the one under way. */
  stop(): Promise<void>;
}

const told = new WeakMap<App["auditKeys"], Set<string>>();

/** Once per key: the sealer asks for it every second. */
const isNews = (keys: App["auditKeys"], id: string): boolean => {
  const ids = told.get(keys) ?? new Set();
  told.set(keys, ids);
  return ids.size !== ids.add(id).size;
};

/** Seals all that is committed by now. Gives how many rows that were. */
export const sealAll = async (
  { db, auditKeys, log }: Pick<App, "db" | "auditKeys" | "log">,
  stopping: () => boolean = () => false,
): Promise<number> => {
  let rows = 0;
  let batch: SealedBatch;
  do {
    batch = await sealBatch(db, auditKeys);
    rows += batch.rows;
    for (const tenantId of batch.altered)
      log.error({ tenantId }, "the audit log's chain was altered past the server: tenantctl audit verify");
    for (const keyId of batch.missingKeys.filter((id) => isNews(auditKeys, id)))
      log.error(
        { keyId },
        "rows of the audit log wait for the key that sealed those before: add it to TENANTCTL_AUDIT_KEY",
      );
  } while (batch.more && !stopping());
  return rows;
};

/** Seals the audit log while the process runs. Several processes take turns; what one leaves, another goes on with. */
export const startSealer = (app: App): Sealer => {
  let stopping = false;
  const background = inBackground(
    "sealing of the audit log",
    everyMs,
    app.log,
    async () => {
      if (!stopping) await sealAll(app, () => stopping);
    },
    app.errors.failed,
  );
  void background.now();
  return {
    stop: async () => {
      background.stop();
      // What was committed until now is sealed before the process ends.
      await background.now();
      stopping = true;
    },
  };
};

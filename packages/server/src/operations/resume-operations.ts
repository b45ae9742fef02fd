import { build, sql } from "@tenantctl/database";
import type { App } from "../app.ts";
import { hardDeleteKind } from "../tenants/hold.ts";
import { runHardDelete } from "./run-hard-delete.ts";

/** Seconds without a sign of life after which an operation's process counts as dead. */
const staleAfter = 30;

/** Takes over unfinished operations that nobody works on; two processes never get the same one. */
const claimStale = async (app: App, operationId: string | null): Promise<string[]> => {
  const rows = await app.db.operator().run(
    sql<{ id: string }>`update app.operations set heartbeat_at = clock_timestamp(), status = 'running'
      where kind = ${hardDeleteKind} and status in ('queued', 'running') and (${operationId}::uuid is null or id = ${operationId}::uuid)
        and (heartbeat_at is null or heartbeat_at < clock_timestamp() - make_interval(secs => ${staleAfter}::int))
      returning id`.compile(build),
  );
  return rows.map(({ id }) => id);
};

/** Goes on with one operation where its process is dead; where it lives, nothing is done. */
export const continueHardDelete = async (app: App, operationId: string): Promise<void> => {
  for (const id of await claimStale(app, operationId)) await runHardDelete(app, id);
};

/** Finishes what processes left behind that were killed. */
export const resumeOperations = async (app: App): Promise<void> => {
  for (const id of await claimStale(app, null)) {
    // One that fails has said so in the log and in its row; the others go on.
    await runHardDelete(app, id).catch(() => undefined);
  }
};

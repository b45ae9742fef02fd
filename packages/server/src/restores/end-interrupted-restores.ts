import { build, sql } from "@tenantctl/database";
import type { App } from "../app.ts";
import type { Requester } from "../operations/start-hard-delete.ts";
import { failRestore } from "./restore-operation.ts";
import { removeStaleSpools } from "./spool.ts";

/** Seconds without a sign of life after which a restore's process counts as dead. */
const staleAfter = 30;

/**
 * Ends restores whose process was killed: their transaction never committed, so what they would have replaced is what it was,
 * and only the hold has to go. Their documents go, too.
 */
export const endInterruptedRestores = async ({ db, settings }: App): Promise<void> => {
  await removeStaleSpools(settings);
  const dead = await db.operator().run(
    sql<{ id: string; kind: string; tenantId: string; requester: Requester }>`select id, kind, tenant_id as "tenantId",
        requested_by as requester
      from app.operations where kind in ('restore', 'import') and status in ('queued', 'running')
        and (heartbeat_at is null or heartbeat_at < clock_timestamp() - make_interval(secs => ${staleAfter}::int))`.compile(
      build,
    ),
  );
  for (const operation of dead) {
    await failRestore(db, operation, {
      code: "internal",
      message: "The server that ran it was stopped; nothing was changed.",
      hint: "Restore again.",
    });
  }
};

import { build, sql } from "@tenantctl/database";
import type { App } from "../app.ts";
import { enqueueNotification } from "../deliveries/enqueue.ts";
import { checkpointOf } from "./checkpoint.ts";

/**
 * Tells the security contacts that hear of "info" where the chains end that were sealed since they were told last, part by part. While there is
 * nobody to tell, nothing counts as told: whoever comes later gets all of it. Gives how many parts were told.
 */
export const announceCheckpoint = async ({ db, auditKeys }: Pick<App, "db" | "auditKeys">): Promise<number> => {
  const [register] = await db.operator(undefined, { readOnly: true }).run(
    sql<{
      batch: number;
      announced: number;
    }>`select batch, announced_batch as announced from app.audit_register`.compile(build),
  );
  if (register === undefined || register.batch <= register.announced) return 0;
  return db.operatorSnapshot(undefined, async (snapshot) => {
    let told = 0;
    for await (const part of checkpointOf(snapshot, auditKeys, register.announced)) {
      const heard = await db.operator().transaction(async (transaction) => {
        const written = await enqueueNotification(transaction, {
          event: "audit.checkpoint",
          severity: "info",
          roles: ["security"],
          subject: { type: "audit_log", id: `${part.batch}.${part.part}` },
          payload: { checkpoint: part },
        });
        if (written > 0 && part.part === part.parts) {
          await transaction.run(sql`select app.audit_announced(${part.batch}::bigint)`.compile(build));
        }
        return written > 0;
      });
      if (!heard) break;
      told += 1;
    }
    return told;
  });
};

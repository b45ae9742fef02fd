import { build, type Scope, sql } from "@tenantctl/database";
import type { App } from "../app.ts";
import { readDeletionTables } from "./deletion-tables.ts";
import { type Claimed, enterBatch } from "./hard-delete-batch.ts";
import { auditOf, countByName, type Requester } from "./start-hard-delete.ts";

/** Stands for the erased name: the row stays as a tombstone for the audit history. */
const erasedName = "(purged)";

const rowsRemoved = (progress: Readonly<Record<string, number>>): string => {
  const tables = Object.entries(progress).filter(([, rows]) => rows > 0);
  const total = tables.reduce((sum, [, rows]) => sum + rows, 0);
  return `${total} rows (${tables.map(([name, rows]) => `${name} ${rows}`).join(", ")})`;
};

/**
 * Counts once more and, where nothing is left, turns the tenant into a tombstone: name and contact erased, slug free,
 * the end audited with what was removed.
 */
export const finishHardDelete = async (
  app: App,
  scope: Scope,
  claimed: Claimed,
): Promise<"finished" | "stopped" | "busy" | "rows_left"> => {
  const { operationId, tenantId } = claimed;
  const tables = await readDeletionTables(app.db.operator());
  return scope.transaction(async (transaction) => {
    const entered = await enterBatch(transaction, claimed);
    if (entered !== "ready") return entered;
    const left = await countByName(transaction, tenantId, tables);
    if (Object.values(left).some((rows) => rows > 0)) return "rows_left";
    const [done] = await transaction.run(
      sql<{ progress: Record<string, number>; requester: Requester }>`update app.operations set status = 'succeeded',
          result = progress, finished_at = clock_timestamp(), heartbeat_at = clock_timestamp()
        where id = ${operationId}::uuid returning progress, requested_by as requester`.compile(build),
    );
    if (done === undefined) return "stopped";
    await Promise.all([
      transaction.run(
        sql`update app.tenants set status = 'purged', status_changed_at = now(), updated_at = now(), purged_at = now(),
            purge_at = null, status_reason = null, previous_status = null, name = ${erasedName}, contact_email = null,
            hold = null
          where id = ${tenantId}::uuid`.compile(build),
      ),
      transaction.run(
        sql`update app.idempotency_keys set response = response || jsonb_build_object('name', ${erasedName}::text, 'contactEmail', '')
          where tenant_id = ${tenantId}::uuid`.compile(build),
      ),
      transaction.run(sql`delete from app.alerts where tenant_id = ${tenantId}::uuid`.compile(build)),
      transaction.run(
        auditOf(
          done.requester,
          "purge",
        )({
          tenantId,
          resourceId: tenantId,
          detail: `hard delete finished, operation ${operationId}: ${rowsRemoved(done.progress)}`,
        }),
      ),
    ]);
    return "finished";
  });
};

import { build, sql, type Transaction } from "@tenantctl/database";
import { type Hold, hardDeleteKind } from "../tenants/hold.ts";
import type { Claimed } from "./hard-delete-batch.ts";
import { auditOf, type Requester } from "./start-hard-delete.ts";

/** How an operation ends before its time. */
export type Stop = { readonly status: "cancelled" } | { readonly status: "failed"; readonly error: string };

/**
 * Ends an operation between two batches: one under way is waited for. The hold goes where nothing was removed, now or by
 * one before; otherwise it stays, since half a tenant must not come back. False where the operation is over already.
 */
export const stopOperation = async (
  transaction: Transaction,
  { operationId, tenantId }: Claimed,
  stop: Stop,
): Promise<boolean> => {
  const [row] = await transaction.run(
    sql<{
      status: string;
      kind: string;
      removed: number;
      requester: Requester;
    }>`select status, kind, requested_by as requester,
        (select coalesce(sum(value::bigint), 0)::bigint from jsonb_each_text(progress)) as removed
      from app.operations where id = ${operationId}::uuid for update`.compile(build),
  );
  if (row === undefined || (row.status !== "running" && row.status !== "queued")) return false;
  const partly: Hold = { kind: hardDeleteKind, operationId, partlyRemoved: true };
  // Before its first batch, as before a restore's one commit, the tenant is what it was: whole, or partly removed earlier.
  const hold =
    row.kind === hardDeleteKind && row.removed > 0
      ? sql`${JSON.stringify(partly)}::jsonb`
      : sql`nullif(hold -> 'before', 'null'::jsonb)`;
  const error = stop.status === "failed" ? JSON.stringify({ detail: stop.error }) : null;
  await Promise.all([
    transaction.run(
      sql`update app.operations set status = ${stop.status}, error = ${error}::jsonb, finished_at = clock_timestamp()
        where id = ${operationId}::uuid`.compile(build),
    ),
    transaction.run(
      sql`update app.tenants set hold = ${hold}
        where id = ${tenantId}::uuid and hold ->> 'operationId' = ${operationId}::text`.compile(build),
    ),
    ...(stop.status === "failed"
      ? [
          transaction.run(
            auditOf(
              row.requester,
              "purge",
            )({
              tenantId,
              resourceId: tenantId,
              outcome: "failure",
              detail: `hard delete failed after ${row.removed} rows, operation ${operationId}: ${stop.error}`,
            }),
          ),
        ]
      : []),
  ]);
  return true;
};

import { build, sql, type Transaction } from "@tenantctl/database";
import { type Hold, hardDeleteKind } from "../tenants/hold.ts";
import type { Claimed } from "./hard-delete-batch.ts";
import { auditOf, type Requester } from "./start-hard-delete.ts";

/** How an operation ends before its time. */
export type Stop = { readonly status: "cancelled" } | { readonly status: "failed"; readonly error: string };

/**
 * Ends an operation between two batches: one under way is waited for. The hold goes where nothing was removed; otherwise
 * it stays, since half a tenant must not come back. False where the operation is over already.
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
  // A restore keeps nothing until its one commit: what it replaces is whole, or was in a hard delete's hands before.
  const kept = row.kind === hardDeleteKind ? null : sql`nullif(hold -> 'before', 'null'::jsonb)`;
  const hold: Hold | null = row.removed === 0 ? null : { kind: hardDeleteKind, operationId, partlyRemoved: true };
  const error = stop.status === "failed" ? JSON.stringify({ detail: stop.error }) : null;
  await Promise.all([
    transaction.run(
      sql`update app.operations set status = ${stop.status}, error = ${error}::jsonb, finished_at = clock_timestamp()
        where id = ${operationId}::uuid`.compile(build),
    ),
    transaction.run(
      sql`update app.tenants set hold = ${kept ?? sql`${hold === null ? null : JSON.stringify(hold)}::jsonb`}
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

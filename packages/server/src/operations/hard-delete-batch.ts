import { build, type CatalogueTable, type Scope, sql, type Transaction } from "@tenantctl/database";
import type { CompiledQuery } from "kysely";
import { heldError, readHold } from "../holds/legal-hold.ts";
import { type DeletionStep, shownName } from "./deletion-tables.ts";

/** Rows per transaction: enough to be fast, few enough that a cancelled operation stops soon. */
const batchSize = 5000;

export interface Claimed {
  readonly operationId: string;
  readonly tenantId: string;
}

/** stopped: cancelled or ended by another process. busy: a writer from before the hold is still at work. */
export type Entered = "ready" | "stopped" | "busy";

/**
 * Opens a batch: nobody else is at this operation, it is still wanted, and no writer is inside the tenant. From the first
 * time the lock is got after the hold was committed, every later writer meets the hold. Throws legal_hold.
 */
export const enterBatch = async (transaction: Transaction, { operationId, tenantId }: Claimed): Promise<Entered> => {
  const [[operation], [lock], legalHold] = await Promise.all([
    transaction.run(
      sql<{ status: string }>`select status from app.operations where id = ${operationId}::uuid for update`.compile(
        build,
      ),
    ),
    transaction.run(
      sql<{ held: boolean }>`select pg_try_advisory_xact_lock(tenancy.lock_key(${tenantId}::uuid)) as held`.compile(
        build,
      ),
    ),
    // After the operation's row is locked: whoever sets a hold waits for that row before they answer.
    readHold(transaction, tenantId),
  ]);
  if (operation?.status !== "running") return "stopped";
  if (legalHold !== undefined) throw heldError(legalHold);
  if (lock?.held === true) return "ready";
  await transaction.run(
    sql`update app.operations set heartbeat_at = clock_timestamp() where id = ${operationId}::uuid`.compile(build),
  );
  return "busy";
};

/** Removes rows of one tenant from one table by primary key, whose index begins with the tenant. */
const removal = (table: CatalogueTable, tenantId: string, limit: number | null): CompiledQuery<{ removed: number }> => {
  const name = sql.raw(table.name);
  const keys = sql.join(table.primaryKey.map((column) => sql.ref(column)));
  const batch =
    limit === null
      ? sql``
      : sql`and (${keys}) in (select ${keys} from ${name} where tenant_id = ${tenantId}::uuid limit ${limit})`;
  return sql<{ removed: number }>`with removed as (
      delete from ${name} where tenant_id = ${tenantId}::uuid ${batch} returning tenant_id)
    select count(*) as removed from removed`.compile(build);
};

const countRemoved = (operationId: string, name: string, removed: number): CompiledQuery<never> =>
  sql<never>`update app.operations set heartbeat_at = clock_timestamp(),
      progress = progress || jsonb_build_object(${name}::text, coalesce((progress ->> ${name}::text)::bigint, 0) + ${removed}::bigint)
    where id = ${operationId}::uuid`.compile(build);

/** Large tenants take as long as they take. */
export const withoutTimeout: CompiledQuery<unknown> = sql`set local statement_timeout = 0`.compile(build);

const wholeStep: readonly CompiledQuery<unknown>[] = [sql`set constraints all deferred`.compile(build), withoutTimeout];

/** Removes up to 5,000 rows of the step's table (all rows of a cyclic step) and counts them in the same transaction. */
export const removeBatch = (scope: Scope, claimed: Claimed, step: DeletionStep): Promise<Entered | "emptied"> =>
  scope.transaction(async (transaction) => {
    const entered = await enterBatch(transaction, claimed);
    if (entered !== "ready") return entered;
    if (step.cyclic) for (const setting of wholeStep) await transaction.run(setting);
    let emptied = true;
    for (const table of step.tables) {
      const [row] = await transaction.run(removal(table, claimed.tenantId, step.cyclic ? null : batchSize));
      const removed = row?.removed ?? 0;
      if (removed > 0) await transaction.run(countRemoved(claimed.operationId, shownName(table), removed));
      if (!step.cyclic && removed === batchSize) emptied = false;
    }
    return emptied ? "emptied" : "ready";
  });

import { setTimeout as pause } from "node:timers/promises";
import { ContractError, errors } from "@tenantctl/contract";
import { build, type Scope, sql } from "@tenantctl/database";
import type { App } from "../app.ts";
import { asContractError } from "../problem.ts";
import { hardDeleteKind } from "../tenants/hold.ts";
import { readDeletionTables } from "./deletion-tables.ts";
import { finishHardDelete } from "./finish-hard-delete.ts";
import { type Claimed, type Entered, removeBatch } from "./hard-delete-batch.ts";
import { stopOperation } from "./stop-operation.ts";
import { takeStock } from "./take-stock.ts";

/** Milliseconds between two looks at whether the writers from before the hold are done. */
const writersPoll = 100;

/** Does `work` until it gets past the writers from before the hold. */
const whileBusy = async <T>(work: () => Promise<T | "busy">): Promise<T> => {
  for (;;) {
    const outcome = await work();
    if (outcome !== "busy") return outcome;
    await pause(writersPoll);
  }
};

/** At most this many milliseconds between two batches. */
const longestPause = 500;

/** Does a batch, and then leaves the database to the other tenants for half as long as it took. */
const yielding = async <T>(batch: () => Promise<T>): Promise<T> => {
  const began = performance.now();
  const outcome = await batch();
  await pause(Math.min(longestPause, (performance.now() - began) / 2));
  return outcome;
};

/** One pass over all tables; false where the operation was stopped or this process is about to. */
const removeRows = async (app: App, scope: Scope, claimed: Claimed): Promise<boolean> => {
  const steps = await readDeletionTables(app.db.operator());
  if ((await whileBusy(() => takeStock(scope, claimed, steps))) === "stopped") return false;
  for (const step of steps) {
    let outcome: Entered | "emptied" = "ready";
    while (outcome !== "emptied") {
      if (app.draining) return false;
      outcome = await yielding(() => whileBusy(() => removeBatch(scope, claimed, step)));
      if (outcome === "stopped") return false;
    }
  }
  return true;
};

const passes = 5;

const work = async (app: App, scope: Scope, claimed: Claimed): Promise<void> => {
  let left: Readonly<Record<string, number>> = {};
  for (let pass = 0; pass < passes; pass += 1) {
    if (!(await removeRows(app, scope, claimed))) return;
    // A table that was protected meanwhile is found by the scan at the end, and emptied by the next pass.
    const outcome = await whileBusy(() => finishHardDelete(app, scope, claimed));
    if (typeof outcome === "string") return;
    left = outcome.rowsLeft;
  }
  const where = Object.entries(left).map(([table, rows]) => `${table} ${rows}`);
  throw new ContractError(
    "internal",
    `The scan at the end still finds rows of this tenant: ${where.join(", ")}.`,
    "Look for a rule, a trigger or a policy that keeps rows of these tables from being deleted; then delete it again.",
  );
};

/** Failures that are the database's absence: whoever finds the operation without a heartbeat goes on with it. */
const passing = new Set(["database_unavailable", "overloaded"]);

/**
 * Removes every row of the operation's tenant in batches, each with its count, and leaves the tombstone. May be called
 * again after any interruption, in any process. Rejects with what stopped it; what can't be retried marks it failed.
 */
export const runHardDelete = async (app: App, operationId: string): Promise<void> => {
  const [row] = await app.db.operator().run(
    sql<{ tenantId: string }>`select tenant_id as "tenantId" from app.operations
      where id = ${operationId}::uuid and kind = ${hardDeleteKind} and status = 'running'`.compile(build),
  );
  if (row === undefined) return;
  const claimed = { operationId, tenantId: row.tenantId };
  const scope = app.db.operator(undefined, { tenantId: row.tenantId });
  try {
    await work(app, scope, claimed);
    if (app.draining) {
      await scope.run(
        sql`update app.operations set heartbeat_at = null where id = ${operationId}::uuid`.compile(build),
      );
    }
  } catch (error) {
    const { code, message } = asContractError(error);
    app.log.error({ err: error, operationId }, "hard delete interrupted");
    if (errors[code].status >= 500) app.errors.failed("hard delete", error);
    if (!passing.has(code)) {
      await scope.transaction((transaction) =>
        stopOperation(transaction, claimed, { status: "failed", error: message }),
      );
    }
    throw error;
  }
};

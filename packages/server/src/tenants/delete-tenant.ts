import { setTimeout as pause } from "node:timers/promises";
import type { ResultOf, Routes } from "@tenantctl/contract";
import { Answer } from "../answer.ts";
import { audited } from "../audit/audited.ts";
import type { Call, Handler } from "../call.ts";
import { operatorEntry } from "../call-scope.ts";
import { readDeletionTables } from "../operations/deletion-tables.ts";
import { type OperationBody, readOperation } from "../operations/operation-row.ts";
import { continueHardDelete } from "../operations/resume-operations.ts";
import { runHardDelete } from "../operations/run-hard-delete.ts";
import { startHardDelete } from "../operations/start-hard-delete.ts";
import { findTenant } from "./find-tenant.ts";
import { refusePartlyRemoved } from "./hold.ts";
import { lockTenant } from "./lock-tenant.ts";
import { operatorInTenant, transactionOrRehearsal } from "./operator-in-tenant.ts";
import { readTombstone } from "./read-tombstone.ts";
import { type Audit, takeStep } from "./take-step.ts";
import type { TenantBody } from "./tenant-json.ts";

type Delete = Routes["tenants.delete"];
type Deletion = ResultOf<Delete>;

/** Milliseconds that a caller waits for a hard delete before it is left to go on by itself. */
const patience = 10_000;

/** Whether the work ended in time; rejects with it. What goes on afterwards reports its own failure. */
const endedWithin = async (milliseconds: number, work: Promise<void>): Promise<boolean> => {
  const late = new AbortController();
  try {
    return await Promise.race([work.then(() => true), pause(milliseconds, false, { signal: late.signal, ref: false })]);
  } finally {
    late.abort();
    work.catch(() => undefined);
  }
};

const softDelete = async (call: Call<Delete>): Promise<Deletion> => {
  const found = await findTenant(call.scope, call.params.id);
  refusePartlyRemoved(found);
  const dryRun = call.query.dryRun === true;
  const audit: Audit = (more) => audited(call, more);
  return transactionOrRehearsal(operatorInTenant(call, found.id), dryRun, async (transaction) => {
    const before = await lockTenant(transaction, found.id);
    const { tenant, ...change } = await takeStep(transaction, audit, before, {
      step: "delete",
      reason: call.body.reason ?? null,
      purgeDays: call.app.settings.purgeDays,
    });
    return { ...tenant, ...change, dryRun, hard: false, rows: null, operation: null };
  });
};

/** A repeat after the end: the tombstone as it stands. */
const alreadyPurged = (tenant: TenantBody, operation: OperationBody | null, dryRun: boolean): Deletion => ({
  ...tenant,
  changed: false,
  dryRun,
  sessionsEnded: 0,
  hard: true,
  rows: operation?.progress ?? {},
  operation,
});

const hardDelete = async (call: Call<Delete>): Promise<Deletion | Answer<Deletion>> => {
  const { app, body, principal, route, scope } = call;
  const dryRun = call.query.dryRun === true;
  const tombstone = await readTombstone(scope, call.params.id);
  if (tombstone !== undefined) return alreadyPurged(tombstone.tenant, tombstone.operation, dryRun);
  const found = await findTenant(scope, call.params.id);
  const tables = await readDeletionTables(scope);
  // Not the lifecycle's check: a tenant held by an earlier, stopped hard delete may be entered by the next.
  const inTenant = app.db.operator(operatorEntry(principal, route.access), { tenantId: found.id });
  const started = await transactionOrRehearsal(inTenant, dryRun, (transaction) =>
    startHardDelete(transaction, {
      tenantId: found.id,
      tables,
      force: body.force === true,
      purgeDays: app.settings.purgeDays,
      reason: body.reason ?? null,
      requester: { actor: call.actor, address: call.request.address, requestId: call.request.id },
    }),
  );
  const { tenant, changed, sessionsEnded, operation } = started;
  const answer = { changed, dryRun, sessionsEnded, hard: true };
  if (dryRun) return { ...tenant, ...answer, rows: operation.plan, operation: null };

  const finished = await endedWithin(
    patience,
    changed ? runHardDelete(app, operation.id) : continueHardDelete(app, operation.id),
  );
  const after = await readOperation(scope, operation.id);
  const end = after.status === "succeeded" ? await readTombstone(scope, found.id) : undefined;
  if (finished && end !== undefined) return { ...end.tenant, ...answer, rows: after.progress, operation: after };
  return new Answer<Deletion>(202, { ...tenant, ...answer, rows: after.plan, operation: after });
};

/** Soft: hidden until `purgeAt`. Hard: 200 when every row is gone within 10 s, else 202 and an operation that goes on. */
export const deleteTenant: Handler<Delete> = (call) =>
  call.body.hardDelete === true ? hardDelete(call) : softDelete(call);

import { setTimeout as pause } from "node:timers/promises";
import { errors, type ResultOf, type Routes } from "@tenantctl/contract";
import { v7 as uuidv7 } from "uuid";
import { Answer } from "../answer.ts";
import type { Call, Handlers } from "../call.ts";
import { operatorEntry } from "../call-scope.ts";
import { readOperation } from "../operations/operation-row.ts";
import { asContractError } from "../problem.ts";
import { importAsArchive } from "./import-as-archive.ts";
import { restoreFault } from "./restore-fault.ts";
import { type CheckedRestore, checkRestore, previewRestore } from "./restore-from-file.ts";
import { type RestoreKind, type RestoreOperation, startRestore } from "./restore-operation.ts";
import { checkRequest, type RestoreRequest } from "./restore-target.ts";
import { takeRestorePlace } from "./restore-turns.ts";
import { runRestore } from "./run-restore.ts";
import { fillSpool, newSpool, type Spooled } from "./spool.ts";

type Body = ResultOf<Routes["restores.create"]>;
type Restoring = Pick<Call, "app" | "actor" | "principal" | "request" | "route" | "scope" | "upload">;

/** Milliseconds that a caller waits before the restore is left to go on by itself. */
const patience = 10_000;

const rehearsed = async (
  { app, actor }: Restoring,
  kind: RestoreKind,
  checked: CheckedRestore,
): Promise<Answer<Body>> => {
  const { plan, target } = checked;
  const started = new Date().toISOString();
  const tables = await previewRestore(app.db, checked);
  return new Answer<Body>(200, {
    id: uuidv7(),
    kind,
    tenantId: target.mode === "new" ? null : target.tenantId,
    tenantSlug: target.slug,
    status: "succeeded",
    plan: { ...plan },
    progress: {},
    result: { dryRun: true, slug: target.slug, tables },
    error: null,
    errorCode: null,
    requestedBy: actor.name ?? actor.type,
    createdAt: started,
    startedAt: started,
    finishedAt: new Date().toISOString(),
  });
};

/** Starts the restore and waits a while for its end; `release` is called when it is over, not when this answers. */
const performed = async (
  call: Restoring,
  kind: RestoreKind,
  checked: CheckedRestore,
  release: () => Promise<void>,
): Promise<Answer<Body>> => {
  const { app, actor, principal, request, route, scope } = call;
  const operation: RestoreOperation = {
    id: uuidv7(),
    kind,
    target: checked.target,
    requester: { actor, address: request.address, requestId: request.id },
  };
  await startRestore(app.db, operatorEntry(principal, route.access), operation, checked.plan);
  const work = runRestore({ ...checked, db: app.db, operation, stopping: () => app.draining });
  const ended = work.finally(release);
  ended.catch((err: unknown) => {
    app.log.error({ err, operationId: operation.id }, `${kind} failed`);
    // An archive that does not fit is its caller's to mend.
    if (errors[asContractError(err).code].status >= 500) app.errors.failed(kind, err);
  });
  const late = new AbortController();
  const over = await Promise.race([
    ended.then(() => true),
    pause(patience, false, { signal: late.signal, ref: false }),
  ]).finally(() => late.abort());
  return new Answer<Body>(over ? 200 : 202, await readOperation(scope, operation.id));
};

/** Receives the document, has it made an archive's file, checks it, and restores it or says what that would change. */
const restore = async (
  call: Restoring,
  kind: RestoreKind,
  request: RestoreRequest,
  asArchive: (received: Spooled) => Promise<Spooled>,
): Promise<Answer<Body>> => {
  const { app, scope, upload } = call;
  const giveBack = takeRestorePlace(app);
  const cleanups: (() => Promise<void>)[] = [];
  const release = async (): Promise<void> => {
    giveBack();
    for (const cleanup of cleanups.splice(0)) await cleanup().catch(() => undefined);
  };
  try {
    await checkRequest(scope, request);
    const received = await newSpool(app.settings);
    cleanups.push(received.remove);
    await fillSpool(received, upload);
    const file = await asArchive(received);
    cleanups.push(file.remove);
    const checked = await checkRestore(app.db, file.path, request);
    cleanups.push(checked.archive.close);
    if (request.dryRun !== true) return await performed(call, kind, checked, release);
    const answer = await rehearsed(call, kind, checked);
    await release();
    return answer;
  } catch (error) {
    await release();
    throw restoreFault(error);
  }
};

export const restoreHandlers: Handlers<"restores.create" | "imports.create"> = {
  "restores.create": (call) => restore(call, "restore", call.query, async (received) => received),
  "imports.create": (call) =>
    restore(call, "import", { mode: "new", ...call.query }, (received) => importAsArchive(call.app, received)),
};

import { ContractError } from "@tenantctl/contract";
import {
  build,
  type Database,
  type Entries,
  type Rewrite,
  SYSTEM_TENANT_ID,
  sql,
  type Transaction,
} from "@tenantctl/database";
import { auditOf, type Requester } from "../operations/start-hard-delete.ts";
import { lockTenant } from "../tenants/lock-tenant.ts";
import { type RestoreTarget, refuseHeld } from "./restore-target.ts";
import type { Proof } from "./write-tenant.ts";

export type RestoreKind = "restore" | "import";

export interface RestoreOperation {
  readonly id: string;
  readonly kind: RestoreKind;
  readonly target: RestoreTarget;
  readonly requester: Requester;
}

type Counts = Readonly<Record<string, number>>;

const insertOperation = async (
  transaction: Transaction,
  { id, kind, target, requester }: RestoreOperation,
  plan: Counts,
): Promise<void> => {
  await transaction.run(
    sql`insert into app.operations (id, kind, tenant_id, tenant_slug, status, plan, progress, requested_by, started_at, heartbeat_at)
      values (${id}::uuid, ${kind}, ${target.tenantId}::uuid, ${target.slug}, 'running', ${JSON.stringify(plan)}::jsonb, '{}',
        ${JSON.stringify(requester)}::jsonb, now(), now())`.compile(build),
  );
};

/**
 * Puts the restore on record and, where a tenant is to be replaced, commits the hold that keeps writers out from then on.
 * `entry` checks the caller's credentials once more. Throws tenant_busy.
 */
export const startRestore = (
  db: Database,
  entry: Entries | undefined,
  operation: RestoreOperation,
  plan: Counts,
): Promise<void> => {
  const { tenantId, mode } = operation.target;
  return db.operator(entry, { tenantId }).transaction(async (transaction) => {
    if (mode === "in-place") {
      const { hold } = await lockTenant(transaction, tenantId);
      refuseHeld(hold);
      const held = { kind: operation.kind, operationId: operation.id, before: hold };
      await transaction.run(
        sql`update app.tenants set hold = ${JSON.stringify(held)}::jsonb where id = ${tenantId}::uuid`.compile(build),
      );
    }
    await insertOperation(transaction, operation, plan);
  });
};

/** A sign of life with the rows written so far; not part of the restoring transaction, so that it can be seen. */
export const reportProgress = async (db: Database, id: string, progress: Counts): Promise<void> => {
  await db.operator().run(
    sql`update app.operations set progress = ${JSON.stringify(progress)}::jsonb, heartbeat_at = clock_timestamp()
        where id = ${id}::uuid and status = 'running'`.compile(build),
  );
};

/** In the hold's place what it replaced: nothing, or that of a hard delete that had stopped half way. */
const releaseHold = (tenantId: string, operationId: string) =>
  sql`update app.tenants set hold = nullif(hold -> 'before', 'null'::jsonb)
    where id = ${tenantId}::uuid and hold ->> 'operationId' = ${operationId}::text`.compile(build);

/** Without an entry in the log there is no operation either; the hold goes in any case. */
const forgetRestore = async (db: Database, id: string, tenantId: string): Promise<void> => {
  const scope = db.operator(undefined, { tenantId });
  await scope.batch([
    releaseHold(tenantId, id),
    sql`delete from app.operations where id = ${id}::uuid and status in ('queued', 'running')`.compile(build),
  ]);
};

/**
 * Ends an operation that came to nothing: what the tenant was, it is. Nothing happens where it is over already,
 * as after `tenantctl operations cancel`.
 */
export const failRestore = async (
  db: Database,
  { id, kind, tenantId, requester }: { id: string; kind: string; tenantId: string; requester: Requester },
  error: Pick<ContractError, "code" | "message" | "hint">,
): Promise<void> => {
  const failed = { detail: error.message, code: error.code, hint: error.hint };
  const ending = db.operator(undefined, { tenantId }).transaction(async (transaction) => {
    const ended = await transaction.run(
      sql`update app.operations set status = 'failed', error = ${JSON.stringify(failed)}::jsonb, finished_at = clock_timestamp()
        where id = ${id}::uuid and status in ('queued', 'running') returning id`.compile(build),
    );
    if (ended.length === 0) return;
    await transaction.run(releaseHold(tenantId, id));
    await transaction.run(
      auditOf(
        requester,
        kind,
      )({
        tenantId,
        resourceId: tenantId,
        outcome: "failure",
        detail: `${kind} failed, nothing was changed, operation ${id}: ${error.message}`,
      }),
    );
  });
  await ending.catch(() => forgetRestore(db, id, tenantId));
};

export interface RestoreResult {
  readonly tenantId: string;
  readonly slug: string;
  readonly tables: Readonly<Record<string, Proof>>;
  readonly seconds: number;
}

const summary = ({ id, kind, target }: RestoreOperation, { tables }: RestoreResult): string => {
  const counts = Object.entries(tables).filter(([, { rows }]) => rows > 0);
  const total = counts.reduce((sum, [, { rows }]) => sum + rows, 0);
  const what = { new: `made of ${target.archived.slug}`, "in-place": "replaced", original: "brought back" }[
    target.mode
  ];
  return `${kind} finished, ${what} as of ${target.at}, operation ${id}: ${total} rows (${counts
    .map(([name, { rows }]) => `${name} ${rows}`)
    .join(", ")})`;
};

const stopped = (): ContractError =>
  new ContractError("operation_finished", "The restore was cancelled; nothing was changed.", "Restore again.");

/** Ends the operation, the hold and the transaction's own work as one. Throws where it was cancelled meanwhile. */
export const finishRestore = async (
  rewrite: Rewrite,
  operation: RestoreOperation,
  result: RestoreResult,
): Promise<void> => {
  const { id, kind, target, requester } = operation;
  const counts = Object.fromEntries(Object.entries(result.tables).map(([name, { rows }]) => [name, rows]));
  const ended = await rewrite.run(
    sql`update app.operations set status = 'succeeded', progress = ${JSON.stringify(counts)}::jsonb,
        result = ${JSON.stringify(result)}::jsonb, finished_at = clock_timestamp(), heartbeat_at = clock_timestamp()
      where id = ${id}::uuid and status = 'running' returning id`.compile(build),
  );
  if (ended.length === 0) throw stopped();
  await rewrite.run(
    sql`update app.tenants set hold = null, updated_at = now() where id = ${target.tenantId}::uuid and id <> ${SYSTEM_TENANT_ID}::uuid`.compile(
      build,
    ),
  );
  await rewrite.run(
    auditOf(
      requester,
      kind,
    )({
      tenantId: target.tenantId,
      resourceId: target.tenantId,
      detail: summary(operation, result),
    }),
  );
};

/** What a restore that has succeeded says of itself. */
export const readResult = async (db: Database, id: string): Promise<RestoreResult> => {
  const [row] = await db
    .operator(undefined, { readOnly: true })
    .run(sql<{ result: RestoreResult }>`select result from app.operations where id = ${id}::uuid`.compile(build));
  if (row === undefined) throw new Error("The operation is not on record.");
  return row.result;
};

import { setTimeout as pause } from "node:timers/promises";
import type { OpenArchive } from "@tenantctl/archive";
import { ContractError } from "@tenantctl/contract";
import { build, type Catalogue, type Database, type Rewrite, sql } from "@tenantctl/database";
import { limitOfRow, withLimit } from "../quotas/quota-rows.ts";
import type { FittingTable } from "./fit-tables.ts";
import { restoreFault } from "./restore-fault.ts";
import {
  failRestore,
  finishRestore,
  type RestoreOperation,
  type RestoreResult,
  reportProgress,
} from "./restore-operation.ts";
import type { RestoreTarget } from "./restore-target.ts";
import { proveRows, raiseSequences, recount, removeRows, requireState, writeRows } from "./write-tenant.ts";

export interface RestoreWork {
  readonly db: Database;
  readonly operation: RestoreOperation;
  readonly archive: OpenArchive;
  readonly catalogue: Catalogue;
  readonly tables: readonly FittingTable[];
  /** True from the moment this process was asked to stop. */
  readonly stopping: () => boolean;
}

const heartbeatMs = 2000;
const writersPollMs = 50;
const writersPatienceMs = 60_000;

/** Nobody is inside the tenant from here on: who came before the hold has left, who comes later meets it. */
const lockOut = async (rewrite: Rewrite, tenantId: string): Promise<void> => {
  const deadline = Date.now() + writersPatienceMs;
  for (;;) {
    const [row] = await rewrite.run(
      sql<{ held: boolean }>`select pg_try_advisory_xact_lock(tenancy.lock_key(${tenantId}::uuid)) as held`.compile(
        build,
      ),
    );
    if (row?.held === true) return;
    if (Date.now() > deadline) {
      throw new ContractError("tenant_busy", "Somebody keeps writing to this tenant.", "Try again in a minute.", {
        retryAfter: 60,
      });
    }
    await pause(writersPollMs);
  }
};

/** The registry's row: a new one, the tombstone turned into one, or the one that is there, which stays as it is. */
const enterRegistry = async (
  rewrite: Rewrite,
  { mode, tenantId, slug, archived, at }: RestoreTarget,
): Promise<void> => {
  if (mode === "in-place") return;
  const { id, name, plan, contactEmail, createdAt } = archived;
  const reason = mode === "new" ? `restored copy of ${archived.slug} (${id}) as of ${at}` : `restored as of ${at}`;
  const email = contactEmail === "" ? null : contactEmail;
  const created = mode === "new" ? sql`now()` : sql`${createdAt}::timestamptz`;
  const entered = await rewrite.run(
    sql`insert into app.tenants as t (id, slug, name, status, plan, contact_email, status_reason, created_at)
      values (${tenantId}::uuid, ${slug}, ${name}, 'suspended', ${plan}, ${email}, ${reason}, ${created})
      on conflict (id) do update set slug = excluded.slug, name = excluded.name, status = 'suspended', plan = excluded.plan,
        contact_email = excluded.contact_email, status_reason = excluded.status_reason, status_changed_at = excluded.status_changed_at,
        updated_at = excluded.updated_at, created_at = excluded.created_at, previous_status = null, deleted_at = null, purge_at = null,
        purged_at = null, hold = null, maintenance = null
      where t.status = 'purged' returning t.id`.compile(build),
  );
  if (entered.length > 0) return;
  throw new ContractError("transition_forbidden", "The tenant is there already.", "Replace its data: `--in-place`.");
};

/** A copy counts like any tenant: it has to fit its plan. What a tenant had before is its own. */
const requireQuota = async (rewrite: Rewrite, { mode, tenantId }: RestoreTarget): Promise<void> => {
  if (mode !== "new") return;
  const [over] = await rewrite.run(
    sql<{
      resource: string;
      used: string;
      allowed: string;
    }>`select k.resource, k.used::text, ${limitOfRow}::text as allowed
      from app.usage_counters k ${withLimit} where k.tenant_id = ${tenantId}::uuid and k.used > ${limitOfRow}`.compile(
      build,
    ),
  );
  if (over === undefined) return;
  throw new ContractError(
    "quota_exceeded",
    `The copy would hold ${over.used} ${over.resource.replaceAll("_", " ")}, and its plan allows ${over.allowed}.`,
    "Raise the plan's limit (`tenantctl plans`), then restore again.",
  );
};

const restoreInto = async (
  rewrite: Rewrite,
  { operation, archive, catalogue, tables }: RestoreWork,
  onProgress: (table: string, rows: number) => void,
): Promise<void> => {
  const { target } = operation;
  const { tenantId, mode, present, slug } = target;
  const started = performance.now();
  await lockOut(rewrite, tenantId);
  if (mode === "in-place" && present !== undefined) await requireState(rewrite, tenantId, catalogue, present);
  await enterRegistry(rewrite, target);
  if (mode !== "new") await removeRows(rewrite, tenantId, catalogue);
  await writeRows(rewrite, tenantId, archive, tables, onProgress);
  const proofs = await proveRows(rewrite, tenantId, tables);
  await recount(rewrite, tenantId);
  await requireQuota(rewrite, target);
  const seconds = Math.round(performance.now() - started) / 1000;
  const result: RestoreResult = { tenantId, slug, tables: proofs, seconds };
  await raiseSequences(rewrite, tenantId, tables);
  await finishRestore(rewrite, operation, result);
};

/**
 * Writes the archive's rows as the target's in one transaction, and commits once PostgreSQL has read back what the archive
 * holds. Rejects with a ContractError; the operation is then failed and the target what it was.
 */
export const runRestore = async (work: RestoreWork): Promise<void> => {
  const { db, operation, stopping } = work;
  const progress: Record<string, number> = {};
  // A process without a sign of life counts as dead, and its hold is released.
  const heartbeat = setInterval(() => {
    reportProgress(db, operation.id, progress).catch(() => undefined);
  }, heartbeatMs);
  try {
    await db.rewriteTenant(operation.target.tenantId, undefined, (rewrite) =>
      restoreInto(rewrite, work, (table, rows) => {
        progress[table] = rows;
        if (stopping()) {
          throw new ContractError("draining", "This server is stopping; nothing was kept.", "Restore again.", {
            retryAfter: 5,
          });
        }
      }),
    );
  } catch (error) {
    const fault = restoreFault(error);
    const { tenantId } = operation.target;
    await failRestore(db, { ...operation, tenantId }, fault);
    throw fault;
  } finally {
    clearInterval(heartbeat);
  }
};

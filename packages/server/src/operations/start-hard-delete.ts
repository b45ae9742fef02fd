import { ContractError } from "@tenantctl/contract";
import { build, countRows, sql, type Transaction } from "@tenantctl/database";
import { v7 as uuidv7 } from "uuid";
import { auditRow } from "../audit/audit-row.ts";
import { heldError, readHold } from "../holds/legal-hold.ts";
import type { Actor } from "../principal.ts";
import { type Hold, hardDeleteKind } from "../tenants/hold.ts";
import { lockTenant } from "../tenants/lock-tenant.ts";
import { type Audit, takeStep } from "../tenants/take-step.ts";
import type { TenantBody } from "../tenants/tenant-json.ts";
import { type DeletionStep, shownName } from "./deletion-tables.ts";
import { type OperationBody, readOperation } from "./operation-row.ts";

/** Who asked for an operation: kept with it, since its end is audited in their name. */
export interface Requester {
  readonly actor: Actor;
  readonly address: string | null;
  readonly requestId: string | null;
}

/** Audit rows about a tenant in the name of whoever asked. */
export const auditOf =
  (requester: Requester, action: string): Audit =>
  (more) =>
    auditRow({ tenantId: null, action, resourceType: "tenant", ...more, ...requester });

export interface HardDelete {
  readonly tenantId: string;
  readonly tables: readonly DeletionStep[];
  readonly force: boolean;
  /** How long the data is kept if the operation is cancelled before it removed anything. */
  readonly purgeDays: number;
  readonly reason: string | null;
  readonly requester: Requester;
}

export interface Started {
  readonly tenant: TenantBody;
  /** False where one is under way already. */
  readonly changed: boolean;
  readonly sessionsEnded: number;
  readonly operation: OperationBody;
}

/** Rows by the names that answers use. */
export const countByName = async (
  transaction: Transaction,
  tenantId: string,
  steps: readonly DeletionStep[],
): Promise<Record<string, number>> => {
  const tables = steps.flatMap((step) => step.tables);
  const counts = await countRows(transaction, tenantId, tables);
  return Object.fromEntries(tables.map((table) => [shownName(table), counts[table.name] ?? 0]));
};

const operationUnderWay = (hold: Hold | null): string | undefined => {
  if (hold === null || (hold.kind === hardDeleteKind && hold.partlyRemoved === true)) return undefined;
  if (hold.kind === hardDeleteKind && hold.operationId !== undefined) return hold.operationId;
  throw new ContractError("tenant_busy", "This tenant is being restored.", "Try again when that is over.", {
    retryAfter: 10,
  });
};

/**
 * Ends all access, counts what there is to remove, and commits the hold that keeps writers out from then on; removing is
 * for `runHardDelete`. Throws legal_hold, and transition_forbidden for a tenant that is neither deleted nor to be forced.
 */
export const startHardDelete = async (transaction: Transaction, asked: HardDelete): Promise<Started> => {
  const { tenantId, force, purgeDays, reason, requester } = asked;
  const before = await lockTenant(transaction, tenantId);
  const underWay = operationUnderWay(before.hold);
  if (underWay !== undefined) {
    const operation = await readOperation(transaction, underWay);
    return { tenant: before.tenant, changed: false, sessionsEnded: 0, operation };
  }
  const legalHold = await readHold(transaction, tenantId);
  if (legalHold !== undefined) throw heldError(legalHold);
  if (before.status !== "deleted" && !force) {
    throw new ContractError(
      "transition_forbidden",
      `This tenant is ${before.status}: a hard delete follows a soft one, or is forced.`,
      "Delete it softly first, or send `force: true` (`tenantctl delete --hard --force`).",
    );
  }
  const id = uuidv7();
  const audit = auditOf(requester, "delete");
  const detail = `hard delete started, operation ${id}${reason === null ? "" : `: ${reason}`}`;
  const { tenant, changed, sessionsEnded } = await takeStep(transaction, audit, before, {
    step: "delete",
    reason,
    purgeDays,
    detail,
  });
  if (!changed) await transaction.run(audit({ tenantId, resourceId: tenantId, detail }));
  const plan = await countByName(transaction, tenantId, asked.tables);
  const hold: Hold = { kind: hardDeleteKind, operationId: id, before: before.hold };
  await Promise.all([
    transaction.run(
      sql`insert into app.operations (id, kind, tenant_id, tenant_slug, status, plan, progress, requested_by, started_at, heartbeat_at)
        values (${id}::uuid, ${hardDeleteKind}, ${tenantId}::uuid, ${tenant.slug}, 'running', ${JSON.stringify(plan)}::jsonb, '{}',
          ${JSON.stringify(requester)}::jsonb, now(), now())`.compile(build),
    ),
    transaction.run(
      sql`update app.tenants set hold = ${JSON.stringify(hold)}::jsonb where id = ${tenantId}::uuid`.compile(build),
    ),
  ]);
  return { tenant, changed: true, sessionsEnded, operation: await readOperation(transaction, id) };
};

import {
  allowedSteps,
  ContractError,
  type LifecycleState,
  lifecycle,
  settles,
  type TenantStatus,
  type Transition,
} from "@tenantctl/contract";
import { build, sql, type Transaction } from "@tenantctl/database";
import type { CompiledQuery } from "kysely";
import type { AuditEntry } from "../audit/audit-row.ts";
import { written } from "../written.ts";
import { endAccess } from "./end-access.ts";
import type { LockedTenant } from "./lock-tenant.ts";
import { type TenantBody, tenantJson } from "./tenant-json.ts";

/** Where a step leads from here. Throws transition_forbidden naming the steps that are allowed. */
export const statusAfter = ({ status, previousStatus }: LockedTenant, step: Transition): TenantStatus => {
  if (settles[step] === status) return status;
  const { steps }: LifecycleState = lifecycle[status];
  const target = steps[step];
  if (target === undefined) {
    const allowed = allowedSteps(status).join(", ");
    throw new ContractError(
      "transition_forbidden",
      `This tenant is ${status}, which does not lead to ${step}; allowed now: ${allowed}.`,
      `Take one of these steps: ${allowed}.`,
    );
  }
  return target === "former" ? (previousStatus ?? "active") : target;
};

/** Makes the audit row of whoever takes the step. */
export type Audit = (more: Partial<Omit<AuditEntry, "actor" | "address" | "requestId">>) => CompiledQuery<never>;

export interface Step {
  readonly step: Transition;
  readonly reason: string | null;
  /** For a deletion: how long the data is kept. */
  readonly purgeDays?: number;
  /** What the audit row says instead of the reason. */
  readonly detail?: string;
}

/** Takes one step of the lifecycle in the transaction that holds the tenant; nothing where it is there already. */
export const takeStep = async (
  transaction: Transaction,
  audit: Audit,
  before: LockedTenant,
  { step, reason, purgeDays = 0, detail }: Step,
): Promise<{ tenant: TenantBody; changed: boolean; sessionsEnded: number }> => {
  const target = statusAfter(before, step);
  if (target === before.status) return { tenant: before.tenant, changed: false, sessionsEnded: 0 };
  const { id } = before.tenant;
  const deleting = target === "deleted";
  const changing = sql`update app.tenants t set status = ${target}, status_reason = ${reason},
      status_changed_at = now(), updated_at = now(),
      previous_status = ${deleting ? before.status : null},
      deleted_at = ${deleting ? sql`now()` : sql`null`},
      purge_at = ${deleting ? sql`now() + make_interval(days => ${purgeDays}::int)` : sql`null`}
    where t.id = ${id}::uuid`;
  const change = written<{ tenant: TenantBody }>(changing, "t", sql`${tenantJson} as tenant`).compile(build);
  // Back in service nothing from before may work either: a login under way at the suspension comes after its clearing.
  const [[changed], [access]] = await Promise.all([
    transaction.run(change),
    transaction.run(endAccess(id, `tenant_${target}`, deleting)),
    transaction.run(
      audit({
        tenantId: id,
        resourceId: id,
        detail: detail ?? reason,
        before: { status: before.status },
        after: { status: target },
      }),
    ),
  ]);
  return { tenant: changed?.tenant ?? before.tenant, changed: true, sessionsEnded: access?.ended ?? 0 };
};

import { ContractError, type Routes } from "@tenantctl/contract";
import { build, sql, type Transaction } from "@tenantctl/database";
import { audited } from "../audit/audited.ts";
import { changedFields } from "../audit/changed-fields.ts";
import type { Handler } from "../call.ts";
import { normaliseEmail } from "../email.ts";
import { noteFilling } from "../quotas/note-filling.ts";
import { planLimit } from "../quotas/quota-rows.ts";
import { written } from "../written.ts";
import { findTenant } from "./find-tenant.ts";
import { refusePartlyRemoved } from "./hold.ts";
import { lockTenant } from "./lock-tenant.ts";
import { operatorInTenant, transactionOrRehearsal } from "./operator-in-tenant.ts";
import { type TenantBody, tenantJson } from "./tenant-json.ts";

/**
 * Refuses a plan with lower limits than what is in use. The counters stay locked until the commit: who is adding
 * something waits, and then meets the new plan's limit. Throws not_found, plan_too_small.
 */
const checkPlan = async (transaction: Transaction, tenant: TenantBody, plan: string): Promise<void> => {
  const [, plans, over] = await Promise.all([
    transaction.run(
      sql`select from app.usage_counters where tenant_id = ${tenant.id}::uuid order by resource = 'storage_bytes', resource for update`.compile(
        build,
      ),
    ),
    transaction.run(sql`select from app.plans where name = ${plan}`.compile(build)),
    transaction.run(
      sql<{ resource: string; used: number; limit: number }>`select k.resource, k.used, ${planLimit} as "limit"
        from app.usage_counters k join app.plans p on p.name = ${plan} join app.plans b on b.name = ${tenant.plan}
        where k.tenant_id = ${tenant.id}::uuid and k.used > ${planLimit}
          and coalesce(case k.resource when 'users' then b.users_limit when 'customers' then b.customers_limit
            when 'storage_bytes' then b.storage_bytes_limit end, 9223372036854775807) > ${planLimit}
          and not exists (select from app.quota_overrides o where o.tenant_id = k.tenant_id and o.resource = k.resource
            and (o.expires_at is null or o.expires_at > now()))
        order by k.resource`.compile(build),
    ),
  ]);
  if (plans.length === 0) {
    throw new ContractError("not_found", `There is no plan "${plan}".`, "`tenantctl plans list` shows the plans.");
  }
  if (over.length === 0) return;
  const said = over.map(({ resource, used, limit }) => `${used} ${resource.replace("_", " ")}, allowed are ${limit}`);
  throw new ContractError(
    "plan_too_small",
    `More is in use than the plan ${plan} allows: ${said.join("; ")}.`,
    "Remove what is no longer needed, choose a larger plan, or override the quota: `tenantctl quotas set`.",
  );
};

/** Changes name, contact or plan. Throws tenant_not_found, not_found, plan_too_small, tenant_busy. */
export const updateTenant: Handler<Routes["tenants.update"]> = async (call) => {
  const found = await findTenant(call.scope, call.params.id);
  refusePartlyRemoved(found);
  const { body } = call;
  const dryRun = call.query.dryRun === true;
  return transactionOrRehearsal(operatorInTenant(call, found.id), dryRun, async (transaction) => {
    const { tenant } = await lockTenant(transaction, found.id);
    const changed = changedFields<Pick<TenantBody, "name" | "contactEmail" | "plan">>(tenant, {
      name: body.name?.trim().normalize("NFC"),
      contactEmail: body.contactEmail === undefined ? undefined : normaliseEmail(body.contactEmail),
      plan: body.plan,
    });
    if (changed === undefined) return { ...tenant, changed: false, dryRun, sessionsEnded: 0 };
    const { name = tenant.name, contactEmail = tenant.contactEmail, plan = tenant.plan } = changed.after;
    if (plan !== tenant.plan) await checkPlan(transaction, tenant, plan);
    const [[row]] = await Promise.all([
      transaction.run(
        written<{ tenant: TenantBody }>(
          sql`update app.tenants t set name = ${name}, contact_email = nullif(${contactEmail}, ''), plan = ${plan},
              updated_at = now() where t.id = ${found.id}::uuid`,
          "t",
          sql`${tenantJson} as tenant`,
        ).compile(build),
      ),
      transaction.run(audited(call, { tenantId: found.id, resourceId: found.id, ...changed })),
    ]);
    if (plan !== tenant.plan) await transaction.run(noteFilling(found.id));
    return { ...(row?.tenant ?? tenant), changed: true, dryRun, sessionsEnded: 0 };
  });
};

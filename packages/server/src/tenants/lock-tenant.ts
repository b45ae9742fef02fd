import type { TenantStatus } from "@tenantctl/contract";
import { build, sql, type Transaction } from "@tenantctl/database";
import { noSuchTenant } from "./find-tenant.ts";
import type { Hold } from "./hold.ts";
import { type TenantBody, tenantJson } from "./tenant-json.ts";

export interface LockedTenant {
  readonly tenant: TenantBody;
  readonly status: TenantStatus;
  readonly previousStatus: TenantStatus | null;
  readonly hold: Hold | null;
}

/** Reads a tenant and keeps others from changing it until the transaction ends. Throws tenant_not_found. */
export const lockTenant = async (transaction: Transaction, id: string): Promise<LockedTenant> => {
  const [row] = await transaction.run(
    sql<LockedTenant>`select ${tenantJson} as tenant, t.status, t.previous_status as "previousStatus", t.hold
      from app.tenants t where t.id = ${id}::uuid for update`.compile(build),
  );
  if (row === undefined) throw noSuchTenant();
  return row;
};

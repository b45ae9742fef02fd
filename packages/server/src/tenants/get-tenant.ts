import type { Routes } from "@tenantctl/contract";
import { build, sql } from "@tenantctl/database";
import { type Facts, factsOfTenant } from "../backups/read-facts.ts";
import type { Handler } from "../call.ts";
import { jsonTime } from "../json-time.ts";
import { type Maintenance, maintenanceOfTenant } from "../maintenance/place.ts";
import { type QuotaRow, quotaBodies, quotaRows } from "../quotas/quota-rows.ts";
import { noSuchTenant, tenantMatch } from "./find-tenant.ts";
import { type TenantBody, tenantJson } from "./tenant-json.ts";

interface Registered {
  readonly tenant: TenantBody;
  readonly backup: Facts;
  readonly legalHold: string | null;
  readonly maintenance: Maintenance | null;
}

interface Held {
  readonly quotas: QuotaRow[];
  readonly users: number;
  readonly activeSessions: number;
  readonly lastLoginAt: string | null;
}

/** A tenant with its backups, then what it holds: asked for by its id, which is what says on Citus on which shard that is. */
export const getTenant: Handler<Routes["tenants.get"]> = async (call) => {
  const [registered] = await call.scope.run(
    sql<Registered>`select ${tenantJson} as tenant, ${factsOfTenant} as backup,
        (select h.reason from app.legal_holds h where h.tenant_id = t.id) as "legalHold",
        ${maintenanceOfTenant} as maintenance
      from app.tenants t where ${tenantMatch(call.params.id)} and t.status <> 'purged'`.compile(build),
  );
  if (registered === undefined) throw noSuchTenant();
  const { tenant, ...kept } = registered;
  const [held] = await call.scope.run(
    sql<Held>`select ${quotaRows(tenant.id)} as quotas,
        (select count(*) from app.users u where u.tenant_id = ${tenant.id}::uuid) as users,
        (select count(*) from app.sessions s where s.tenant_id = ${tenant.id}::uuid and s.ended_at is null
          and s.expires_at > now()) as "activeSessions",
        (select ${jsonTime("l.at")} from (select max(u.last_login_at) as at from app.users u
          where u.tenant_id = ${tenant.id}::uuid) l) as "lastLoginAt"
      from app.tenants t where t.id = ${tenant.id}::uuid`.compile(build),
  );
  if (held === undefined) throw noSuchTenant();
  const { quotas, ...more } = held;
  return { ...tenant, quotas: quotaBodies(quotas), ...more, ...kept };
};

import type { Routes } from "@tenantctl/contract";
import { build, sql } from "@tenantctl/database";
import { type Facts, factsOfTenant } from "../backups/read-facts.ts";
import type { Handler } from "../call.ts";
import { jsonTime } from "../json-time.ts";
import { type QuotaRow, quotaBodies, quotaRows } from "../quotas/quota-rows.ts";
import { noSuchTenant, tenantMatch } from "./find-tenant.ts";
import { type TenantBody, tenantJson } from "./tenant-json.ts";

interface Row {
  readonly tenant: TenantBody;
  readonly quotas: QuotaRow[];
  readonly users: number;
  readonly activeSessions: number;
  readonly lastLoginAt: string | null;
  readonly backup: Facts;
  readonly legalHold: string | null;
}

/** A tenant with its use against quota and its backups, in one statement. */
export const getTenant: Handler<Routes["tenants.get"]> = async (call) => {
  const [row] = await call.scope.run(
    sql<Row>`select ${tenantJson} as tenant, ${quotaRows} as quotas,
        (select count(*) from app.users u where u.tenant_id = t.id) as users,
        (select count(*) from app.sessions s where s.tenant_id = t.id and s.ended_at is null and s.expires_at > now())
          as "activeSessions",
        (select ${jsonTime("l.at")} from (select max(u.last_login_at) as at from app.users u where u.tenant_id = t.id) l)
          as "lastLoginAt", ${factsOfTenant} as backup,
        (select h.reason from app.legal_holds h where h.tenant_id = t.id) as "legalHold"
      from app.tenants t where ${tenantMatch(call.params.id)} and t.status <> 'purged'`.compile(build),
  );
  if (row === undefined) throw noSuchTenant();
  const { tenant, quotas, ...more } = row;
  return { ...tenant, quotas: quotaBodies(quotas), ...more };
};

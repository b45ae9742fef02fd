import { build, SYSTEM_TENANT_ID, sql } from "@tenantctl/database";
import type { CompiledQuery } from "kysely";
import { planLimit } from "./quota-rows.ts";

/** Every active tenant's use of what its plan or an override limits: id, slug, resource, used, quota (null: unlimited). */
export const quotaUses = sql`select t.id, t.slug, k.resource, k.used,
    case when o.resource is null then ${planLimit} else o.quota_limit end as quota
  from (select c.tenant_id, c.resource, c.used from app.usage_counters c where c.used > 0
    union all select d.tenant_id, 'api_requests_per_day', d.api_requests from app.usage_days d
      where d.day = (now() at time zone 'UTC')::date and d.api_requests > 0) k
  join app.tenants t on t.id = k.tenant_id and t.id <> ${sql.lit(SYSTEM_TENANT_ID)}::uuid and t.status = 'active'
  join app.plans p on p.name = t.plan
  left join app.quota_overrides o on o.tenant_id = k.tenant_id and o.resource = k.resource
    and (o.expires_at is null or o.expires_at > now())`;

/** At 80 % and above. */
export const isNear = sql`u.used::numeric >= u.quota * 0.8`;

/** The fullest quotas, and in each row how many there are at 80 % and above. */
export const nearLimit = (
  limit: number,
): CompiledQuery<{
  tenantId: string;
  slug: string;
  resource: string;
  used: number;
  limit: number;
  percentage: number;
  total: number;
}> =>
  sql<{
    tenantId: string;
    slug: string;
    resource: string;
    used: number;
    limit: number;
    percentage: number;
    total: number;
  }>`select u.id as "tenantId", u.slug, u.resource, u.used, u.quota as "limit",
      case when u.quota = 0 then 100 else round(u.used * 100.0 / u.quota, 1) end::float8 as percentage,
      count(*) over () as total
    from (${quotaUses}) u where ${isNear} order by percentage desc, u.slug, u.resource limit ${limit}`.compile(build);

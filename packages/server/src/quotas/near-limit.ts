import { build, SYSTEM_TENANT_ID, sql } from "@tenantctl/database";
import type { CompiledQuery, RawBuilder } from "kysely";
import { planLimit } from "./quota-rows.ts";

/** From so many percent of use on a quota is noted in `app.filling_quotas`. */
const notedPercent = 50;
/** Up to so many tenants all are read: that costs nothing, and sees what somebody changed past the API at once. */
const fewTenants = 1000;

const isFew = sql<boolean>`(select count(*) from (select id from app.tenants limit ${sql.lit(fewTenants + 1)}) t) <= ${sql.lit(fewTenants)}`;

const today = sql`(now() at time zone 'UTC')::date`;
const counted = sql`select c.tenant_id, c.resource, c.used from app.usage_counters c where c.used > 0`;
const requested = sql`select d.tenant_id, 'api_requests_per_day' as resource, d.api_requests as used from app.usage_days d
  where d.day = ${today} and d.api_requests > 0`;

/** What fills, and what has a limit that changes by itself. */
const noted = sql`select n.tenant_id, n.resource, coalesce(c.used, d.api_requests) as used
  from (select tenant_id, resource from app.filling_quotas
    union select tenant_id, resource from app.quota_overrides where expires_at is not null) n
  left join app.usage_counters c on c.tenant_id = n.tenant_id and c.resource = n.resource
  left join app.usage_days d on n.resource = 'api_requests_per_day' and d.tenant_id = n.tenant_id and d.day = ${today}
  where coalesce(c.used, d.api_requests) > 0`;

const limited = (uses: RawBuilder<unknown>, when: RawBuilder<boolean>) => sql`select t.id, t.slug, k.resource, k.used,
    case when o.resource is null then ${planLimit} else o.quota_limit end as quota
  from (${uses}) k
  join app.tenants t on t.id = k.tenant_id and t.id <> ${sql.lit(SYSTEM_TENANT_ID)}::uuid and t.status = 'active'
  join app.plans p on p.name = t.plan
  left join app.quota_overrides o on o.tenant_id = k.tenant_id and o.resource = k.resource
    and (o.expires_at is null or o.expires_at > now())
  where ${when}`;

/**
 * Active tenants' use of what their plan or an override limits: id, slug, resource, used, quota (null: unlimited). All that
 * is used to `percent` and above is among them, and it is read by what fills, not by how many tenants there are.
 */
export const quotaUses = (percent: RawBuilder<number>): RawBuilder<unknown> => {
  const reads = sql<boolean>`(${percent} < ${sql.lit(notedPercent)} or ${isFew})`;
  // Each joined by itself: a coordinator of Citus 13.2 crashes where a union is joined.
  return sql`(${limited(noted, sql<boolean>`not ${reads}`)})
    union all (${limited(counted, reads)}) union all (${limited(requested, reads)})`;
};

/** Where a quota counts as near its limit, in percent. */
const nearPercent = sql<number>`80`;
export const nearUses: RawBuilder<unknown> = quotaUses(nearPercent);

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
    from (${nearUses}) u where ${isNear} order by percentage desc, u.slug, u.resource limit ${limit}`.compile(build);

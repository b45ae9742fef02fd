import { build, SYSTEM_TENANT_ID, sql } from "@tenantctl/database";
import { planLimit } from "../quotas/quota-rows.ts";

/** A quota of a tenant that is used up before long if its use goes on along the line. */
export interface QuotaForecast {
  readonly slug: string;
  readonly resource: string;
  readonly points: number;
  /** Per day. */
  readonly slope: number;
  readonly r2: number;
  /** Days from now. */
  readonly days: number;
  readonly total: number;
}

const today = sql`(now() at time zone 'UTC')::date`;

/** Storage has a history of its own per tenant and day, requests too; of users and customers only the present is kept. */
const fitted = (
  fewestPoints: number,
) => sql`select x.tenant_id, x.resource, count(*) as points, regr_slope(x.used, x.ago) as slope,
    regr_intercept(x.used, x.ago) as now, regr_r2(x.used, x.ago) as r2
  from (select s.tenant_id, 'storage_bytes' as resource, (s.day - ${today})::float8 as ago, s.bytes::float8 as used
      from app.tenant_sizes s where s.day > ${today} - 90 and s.day <= ${today}
    union all select d.tenant_id, 'api_requests_per_day', (d.day - ${today})::float8, d.api_requests::float8
      from app.usage_days d where d.day > ${today} - 30 and d.day < ${today}) x
  group by x.tenant_id, x.resource having count(*) >= ${sql.lit(fewestPoints)} and regr_slope(x.used, x.ago) > 0`;

/** The first to be used up within `withinDays`, and how many there are: one statement for all tenants. */
export const quotaForecasts = (fewestPoints: number, fewestR2: number, withinDays: number) =>
  sql<QuotaForecast>`select q.slug, q.resource, q.points, q.slope, q.r2, greatest((q.quota - q.now) / q.slope, 0)::float8 as days,
      count(*) over () as total
    from (select t.slug, k.*, case when o.resource is null then ${planLimit} else o.quota_limit end as quota
      from (${fitted(fewestPoints)}) k
      join app.tenants t on t.id = k.tenant_id and t.status = 'active' and t.id <> ${sql.lit(SYSTEM_TENANT_ID)}::uuid
      join app.plans p on p.name = t.plan
      left join app.quota_overrides o on o.tenant_id = k.tenant_id and o.resource = k.resource
        and (o.expires_at is null or o.expires_at > now())) q
    where q.quota is not null and q.r2 >= ${sql.lit(fewestR2)} and (q.quota - q.now) / q.slope < ${sql.lit(withinDays)}
    order by days, q.slug, q.resource limit 8`.compile(build);

/** How many tenants have days enough for a line. */
export const tenantsWithHistory = (fewestPoints: number) =>
  sql<{
    enough: number;
    tenants: number;
  }>`select count(*) filter (where s.days >= ${sql.lit(fewestPoints)}) as enough, count(*) as tenants
    from (select tenant_id, count(*) as days from app.tenant_sizes where day > ${today} - 90 group by tenant_id) s`.compile(
    build,
  );

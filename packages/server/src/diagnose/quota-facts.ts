import type { QuotaResource, ResultOf, Routes } from "@tenantctl/contract";
import { build, countRows, readCatalogue, type Scope, sql } from "@tenantctl/database";
import { customerBytes } from "../customers/customer-row.ts";
import { type CountedUse, countedUse, drifted } from "../quotas/counted-use.ts";
import { type QuotaRow, quotaRows } from "../quotas/quota-rows.ts";
import { userBytes } from "../users/user-row.ts";

type Plan = Pick<
  ResultOf<Routes["plans.list"]>[number],
  "name" | "users" | "customers" | "storageBytes" | "apiRequestsPerDay"
>;

/** One quota's use along the days, as a straight line. */
export interface Trend {
  readonly resource: QuotaResource;
  readonly points: number;
  /** Per day; null with fewer than two days. */
  readonly slope: number | null;
  readonly r2: number | null;
}

export interface QuotaFacts {
  readonly plan: string;
  readonly quotas: readonly QuotaRow[];
  readonly trends: readonly Trend[];
  readonly plans: readonly Plan[];
  /** Counters that are not what is there, both as of one moment. */
  readonly drift: readonly CountedUse[];
  /** What there is, counted now. */
  readonly counted: {
    readonly users: number;
    readonly customers: number;
    readonly userBytes: number;
    readonly customerBytes: number;
  };
  readonly users: { readonly disabled: number; readonly neverIn: number; readonly idle: number };
  readonly largest: readonly { readonly id: string; readonly bytes: number }[];
  readonly tables: readonly (readonly [name: string, rows: number])[];
  readonly requestDays: readonly { readonly day: string; readonly requests: number }[];
  readonly newCustomerDays: readonly { readonly day: string; readonly made: number }[];
  readonly routeGroups: readonly { readonly name: string; readonly requests: number }[];
}

const patience = sql`set local statement_timeout = '15s'`.compile(build);
const today = sql`(now() at time zone 'UTC')::date`;
const historyDays = 30;

/** Storage and requests have a history of their own; of users and customers it is when those that are there were made. */
const trends = (id: string) =>
  sql<Trend>`select x.resource, count(*)::int as points, regr_slope(x.used, x.ago) as slope,
      case when count(*) > 1 then coalesce(regr_r2(x.used, x.ago), 0) end as r2
    from (select 'storage_bytes' as resource, (s.day - ${today})::float8 as ago, s.bytes::float8 as used
        from app.tenant_sizes s where s.tenant_id = ${id}::uuid and s.day > ${today} - 90 and s.day <= ${today}
      union all select 'api_requests_per_day', (d.day - ${today})::float8, d.api_requests::float8
        from app.usage_days d where d.tenant_id = ${id}::uuid and d.day > ${today} - ${sql.lit(historyDays)} and d.day < ${today}
      union all select m.resource, (g.day - ${today})::float8, coalesce(sum(m.made) filter (where m.day <= g.day), 0)::float8
        from (select greatest((t.created_at at time zone 'UTC')::date, ${today} - ${sql.lit(historyDays)}) as first
          from app.tenants t where t.id = ${id}::uuid) b
        cross join lateral (select d::date as day from generate_series(b.first, ${today}, interval '1 day') d) g
        cross join (select 'users' as resource, (created_at at time zone 'UTC')::date as day, count(*) as made
            from app.users where tenant_id = ${id}::uuid group by 2
          union all select 'customers', (created_at at time zone 'UTC')::date, count(*) from app.customers
            where tenant_id = ${id}::uuid group by 2) m
        group by m.resource, g.day) x
    group by x.resource`.compile(build);

/** Reads as operator. Throws what the database throws; each statement may take 15 seconds. */
export const quotaFacts = async (scope: Scope, id: string): Promise<QuotaFacts | undefined> => {
  const [, [own], lines, plans, [users], [customers], largest, requestDays, newCustomerDays, routeGroups, uses] =
    await scope.batch([
      patience,
      sql<{
        plan: string;
        quotas: QuotaRow[];
      }>`select t.plan, ${quotaRows(id)} as quotas from app.tenants t where t.id = ${id}::uuid`.compile(build),
      trends(id),
      sql<Plan>`select name, users_limit as users, customers_limit as customers, storage_bytes_limit as "storageBytes",
        api_requests_per_day_limit as "apiRequestsPerDay" from app.plans
      order by users_limit nulls last, customers_limit nulls last, storage_bytes_limit nulls last, name`.compile(build),
      sql<{ count: number; bytes: number; disabled: number; neverIn: number; idle: number }>`select count(*) as count,
        coalesce(sum(${userBytes}), 0)::bigint as bytes, count(*) filter (where disabled_at is not null) as disabled,
        count(*) filter (where last_login_at is null) as "neverIn",
        count(*) filter (where last_login_at < now() - interval '90 days') as idle
      from app.users where tenant_id = ${id}::uuid`.compile(build),
      sql<{
        count: number;
        bytes: number;
      }>`select count(*) as count, coalesce(sum(${customerBytes}), 0)::bigint as bytes
      from app.customers where tenant_id = ${id}::uuid`.compile(build),
      sql<{
        id: string;
        bytes: number;
      }>`select id, ${customerBytes} as bytes from app.customers where tenant_id = ${id}::uuid
      order by bytes desc, id limit 3`.compile(build),
      sql<{
        day: string;
        requests: number;
      }>`select to_char(day, 'YYYY-MM-DD') as day, api_requests as requests from app.usage_days
      where tenant_id = ${id}::uuid and day > ${today} - ${sql.lit(historyDays)} order by api_requests desc, day desc limit 3`.compile(
        build,
      ),
      sql<{
        day: string;
        made: number;
      }>`select to_char(created_at at time zone 'UTC', 'YYYY-MM-DD') as day, count(*) as made
      from app.customers where tenant_id = ${id}::uuid and created_at > now() - interval '30 days'
      group by 1 order by made desc, day desc limit 3`.compile(build),
      sql<{
        name: string;
        requests: number;
      }>`select route_group as name, sum(requests)::bigint as requests from app.usage_minutes
      where tenant_id = ${id}::uuid and minute > now() - interval '24 hours' group by route_group
      order by requests desc, name limit 5`.compile(build),
      countedUse(id),
    ]);
  if (own === undefined || users === undefined || customers === undefined) return undefined;
  const rows = await countRows(scope, id, (await readCatalogue(scope)).exported());
  return {
    ...own,
    trends: lines,
    plans,
    drift: drifted(uses),
    counted: { users: users.count, customers: customers.count, userBytes: users.bytes, customerBytes: customers.bytes },
    users,
    largest,
    tables: Object.entries(rows).sort(([, a], [, b]) => b - a),
    requestDays,
    newCustomerDays,
    routeGroups,
  };
};

import type { ResultOf, Routes } from "@tenantctl/contract";
import { quotaResources } from "@tenantctl/contract";
import { sql } from "@tenantctl/database";
import type { RawBuilder } from "kysely";
import { jsonTime } from "../json-time.ts";

export type QuotaBody = ResultOf<Routes["quotas.get"]>[number];
export type QuotaRow = Omit<QuotaBody, "percentage">;

/** The plan's limit for the resource `k.resource`, from a row `p` of `app.plans`. */
export const planLimit: RawBuilder<number | null> = sql`case k.resource when 'users' then p.users_limit
  when 'customers' then p.customers_limit when 'storage_bytes' then p.storage_bytes_limit
  when 'api_requests_per_day' then p.api_requests_per_day_limit end`;

/** Joins what limits a row `k` with tenant_id and resource: a function that asks would be sent to the row's shard by Citus. */
export const withLimit = sql`join app.tenants t on t.id = k.tenant_id join app.plans p on p.name = t.plan
  left join app.quota_overrides o on o.tenant_id = k.tenant_id and o.resource = k.resource
    and (o.expires_at is null or o.expires_at > now())`;

/** The limit of a row `k` that has been joined so; null is unlimited. */
export const limitOfRow: RawBuilder<number | null> =
  sql`case when o.resource is null then ${planLimit} else o.quota_limit end`;

/**
 * A JSON array with one row per resource of the tenant, for a query from `app.tenants t` where `t.id` is it. Each table is
 * asked for the tenant by its id: that is how Citus finds the one shard.
 */
export const quotaRows = (tenantId: string): RawBuilder<QuotaRow[]> => sql<QuotaRow[]>`(
  select json_agg(json_build_object('resource', k.resource,
    'used', coalesce(case when k.resource = 'api_requests_per_day'
      then (select d.api_requests from app.usage_days d where d.tenant_id = ${tenantId}::uuid and d.day = (now() at time zone 'UTC')::date)
      else (select c.used from app.usage_counters c where c.tenant_id = ${tenantId}::uuid and c.resource = k.resource) end, 0),
    'limit', case when o.resource is null then ${planLimit} else o.quota_limit end,
    'source', case when o.resource is null then 'plan' else 'override' end,
    'expiresAt', ${jsonTime("o.expires_at")}) order by k.place)
  from unnest(${sql.lit(`{${quotaResources.join(",")}}`)}::text[]) with ordinality k(resource, place)
  join app.plans p on p.name = t.plan
  left join app.quota_overrides o on o.tenant_id = ${tenantId}::uuid and o.resource = k.resource
    and (o.expires_at is null or o.expires_at > now()))`;

/** used of limit with one decimal; more than 0 of nothing counts as full. */
const percentageOf = (used: number, limit: number | null): number | null => {
  if (limit === null) return null;
  if (limit === 0) return used === 0 ? 0 : 100;
  return Math.round((used * 1000) / limit) / 10;
};

/** Rows as the API shows them. */
export const quotaBodies = (rows: readonly QuotaRow[]): QuotaBody[] =>
  rows.map((row) => ({ ...row, percentage: percentageOf(row.used, row.limit) }));

import type { ResultOf, Routes } from "@tenantctl/contract";
import { build, SYSTEM_TENANT_ID, sql } from "@tenantctl/database";
import type { RawBuilder } from "kysely";
import type { Handler } from "../call.ts";
import { jsonTime } from "../json-time.ts";
import { latencyBoundsMs } from "./latency.ts";
import { bucketSums, sums, type Use, useBody, useWithin } from "./metrics-query.ts";
import { periodOf } from "./period.ts";

type Top = ResultOf<Routes["metrics.top"]>[number];

const defaultLimit = 10;
/** A percentile of fewer requests says little: such tenants come last. */
const enoughRequests = 20;

const bounds = sql`array[0, ${sql.join(latencyBoundsMs.map((bound) => sql.lit(bound)))}]::float8[]`;

/** As `percentile` in latency.ts: within its bucket, interpolated; above the last bound that bound. */
const p95 = sql`(select (b.bound[i] + (coalesce(b.bound[i + 1], b.bound[i]) - b.bound[i]) * (wanted - (upto - n)) / n)
  from (select ${bounds} as bound) b,
    (select c.i::int as i, c.n, sum(c.n) over (order by c.i) as upto, sum(c.n) over () * 0.95 as wanted
      from unnest(l.buckets) with ordinality c(n, i)) c
  where n > 0 and upto >= wanted order by i limit 1)::float8`;

/** By what tenants are put in order, and what their share is a share of. */
const orders = {
  requests: { key: sql`u.requests`, part: sql`u.requests` },
  errors: { key: sql`u.errors`, part: sql`u.errors` },
  time: { key: sql`u.ms`, part: sql`u.ms` },
  latency: { key: p95, part: sql`u.ms` },
  bytes: { key: sql`u.bytes`, part: sql`u.bytes` },
  rows: { key: sql`s.rows`, part: sql`s.rows` },
  storage: { key: sql`k.used`, part: sql`k.used` },
} satisfies Record<string, { key: RawBuilder<unknown>; part: RawBuilder<unknown> }>;

interface Row extends Use {
  readonly tenantId: string;
  readonly slug: string;
  readonly status: Top["status"];
  readonly ms: number;
  readonly rows: number | null;
  readonly rowsCountedAt: string | null;
  readonly stored: number;
  readonly share: number | null;
}

/** `GET /api/admin/metrics/top`: who uses the most of what. */
export const topTenants: Handler<Routes["metrics.top"]> = async ({ scope, query }) => {
  const period = periodOf({ ...query, stepMinutes: 24 * 60 });
  const { by = "requests" } = query;
  const { key, part } = orders[by];
  const few = by === "latency" ? sql`case when o.requests < ${sql.lit(enoughRequests)} then 1 else 0 end,` : sql``;
  const isTenant = sql`m.tenant_id <> ${sql.lit(SYSTEM_TENANT_ID)}::uuid`;
  const buckets = sql`select m.tenant_id, ${bucketSums} from ${useWithin(period)} m where ${isTenant} group by m.tenant_id`;
  const rows = await scope.run(
    sql<Row>`with
        u as (select m.tenant_id, ${sums}, sum(m.duration_ms)::bigint as ms from ${useWithin(period)} m
          where ${isTenant} group by m.tenant_id),
        s as (select distinct on (tenant_id) tenant_id, rows, counted_at from app.tenant_sizes
          where day >= (now() at time zone 'UTC')::date - 1 order by tenant_id, day desc),
        o as (select t.id, t.slug, t.status, u.requests, u.errors, u."clientErrors", u.bytes, u.ms,
            s.rows, s.counted_at, k.used, ${key} as key, ${part} as part
          from app.tenants t left join u on u.tenant_id = t.id left join s on s.tenant_id = t.id
          left join app.usage_counters k on k.tenant_id = t.id and k.resource = 'storage_bytes'
          ${by === "latency" ? sql`left join (${buckets}) l on l.tenant_id = t.id` : sql``}
          where t.id <> ${SYSTEM_TENANT_ID}::uuid),
        first as (select o.*, (o.part / nullif(sum(o.part) over (), 0))::float8 as share,
            row_number() over (order by (o.key > 0) desc nulls last, ${few} o.key desc nulls last, o.slug) as place
          from o order by place limit ${query.limit ?? defaultLimit})
      select f.id as "tenantId", f.slug, f.status, coalesce(f.requests, 0) as requests, coalesce(f.errors, 0) as errors,
        coalesce(f."clientErrors", 0) as "clientErrors", coalesce(f.bytes, 0) as bytes, l.buckets,
        coalesce(f.ms, 0) as ms, f.rows, ${jsonTime("f.counted_at")} as "rowsCountedAt", coalesce(f.used, 0) as stored, f.share
      from first f cross join lateral (select ${bucketSums} from ${useWithin(period, sql`f.id`)} m) l
      order by f.place`.compile(build),
  );
  return rows.map(
    ({ tenantId, slug, status, ms, rows: held, rowsCountedAt, stored, share, ...use }): Top => ({
      tenantId,
      slug,
      status,
      share: share === null ? 0 : Math.round(share * 1000) / 10,
      ...useBody(use),
      busySeconds: Math.round(ms / 100) / 10,
      rows: held,
      rowsCountedAt,
      bytesStored: stored,
    }),
  );
};

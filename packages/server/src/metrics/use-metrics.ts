import { SYSTEM_TENANT_ID, sql } from "@tenantctl/database";
import type { AlertMetric, Reading } from "../alerts/alert-metric.ts";
import { latencyBoundsMs } from "./latency.ts";

/** The last five minutes that are over, and this one as far as it is. A clock that was ahead has written minutes to come. */
const lately = sql`m.minute >= date_trunc('minute', now()) - interval '5 minutes' and m.minute <= now()`;
const cost = "reads the use of 5 minutes, by an index: what tenants did, not how many there are";

const whose = {
  subject: sql`coalesce(t.id::text, 'system')`,
  name: sql`coalesce(t.slug, 'The system')`,
  next: sql`case when t.id is null then 'tenantctl metrics --since 1h --step-minutes 1'
    else format('tenantctl metrics %s --since 1h --step-minutes 1', t.slug) end`,
  /** A tenant's own row where it is active, and the row that stands for all (its tenant_id is null). */
  join: sql`left join app.tenants t on t.id = e.tenant_id
    where (e.tenant_id is null or (t.status = 'active' and t.id <> ${sql.lit(SYSTEM_TENANT_ID)}::uuid))`,
};

const fewestFailed = 5;
const fewestRequests = 20;
const share = 0.95;

export const useMetrics: Readonly<Record<string, AlertMetric>> = {
  error_rate: {
    unit: "%",
    about: `share of the requests about each tenant, and of all, that failed (5xx) within 5 minutes, where ${fewestFailed} or more did`,
    comparison: "atLeast",
    cost,
    find: (threshold) => sql<Reading>`select ${whose.subject} as subject, t.id as "tenantId",
        (e.errors * 100.0 / nullif(e.requests, 0))::float8 as value,
        format('%s: %s of %s requests failed within 5 minutes', ${whose.name}, e.errors, e.requests) as summary,
        jsonb_build_object('requests', e.requests, 'errors', e.errors, 'minutes', 5) as evidence, ${whose.next} as next
      from (with own as materialized (select m.tenant_id, sum(m.requests)::bigint as requests, sum(m.errors)::bigint as errors
          from app.usage_minutes m where ${lately} group by m.tenant_id)
        select tenant_id, requests, errors from own
        union all select null, sum(requests)::bigint, sum(errors)::bigint from own) e ${whose.join}
        and e.errors >= ${sql.lit(fewestFailed)} and e.errors * 100.0 >= e.requests * ${threshold}::numeric`,
  },
  latency_p95: {
    unit: "ms",
    about: `what 95 % of the requests about each tenant, and of all, stayed below within 5 minutes, where there were ${fewestRequests} or more`,
    comparison: "atLeast",
    cost,
    // As latency.ts does it: interpolated within the bucket that the 95th percentile falls into.
    find: () => sql<Reading>`select ${whose.subject} as subject, t.id as "tenantId", e.p95 as value,
        format('%s: 5 %% of %s requests took %s ms or more within 5 minutes', ${whose.name}, e.total, round(e.p95)) as summary,
        jsonb_build_object('requests', e.total, 'latencyP95Ms', round(e.p95::numeric, 1), 'minutes', 5) as evidence,
        ${whose.next} as next
      from (
        select distinct on (p.tenant_id) p.tenant_id, p.total::bigint as total,
          (p.low + (p.high - p.low) * (p.total * ${sql.lit(share)} - (p.upto - p.n)) / p.n)::float8 as p95
        from (
          select b.tenant_id, b.bucket, b.n, coalesce(k.bounds[b.bucket - 1], 0) as low,
            coalesce(k.bounds[b.bucket], k.bounds[b.bucket - 1]) as high,
            sum(b.n) over (partition by b.tenant_id order by b.bucket) as upto,
            sum(b.n) over (partition by b.tenant_id) as total
          from (with own as materialized (select m.tenant_id, u.bucket::int as bucket, sum(u.n) as n
                from app.usage_minutes m, unnest(m.latency_buckets) with ordinality as u(n, bucket)
                where ${lately} and u.n > 0 group by m.tenant_id, u.bucket)
              select tenant_id, bucket, n from own
              union all select null, bucket, sum(n) from own group by bucket) b,
            (select array[${sql.join(latencyBoundsMs.map((bound) => sql.lit(bound)))}]::numeric[] as bounds) k) p
        where p.upto >= p.total * ${sql.lit(share)} and p.total >= ${sql.lit(fewestRequests)}
        order by p.tenant_id, p.bucket) e ${whose.join}`,
  },
};

import { build, SYSTEM_TENANT_ID, sql } from "@tenantctl/database";
import type { CompiledQuery, RawBuilder } from "kysely";
import { latencyBucketCount, percentile } from "./latency.ts";
import type { Period } from "./period.ts";

export interface Use {
  readonly requests: number;
  readonly errors: number;
  readonly clientErrors: number;
  readonly bytes: number;
  readonly buckets: readonly number[];
}

/** Sums over a group. */
export const sums = sql`coalesce(sum(m.requests), 0)::bigint as requests, coalesce(sum(m.errors), 0)::bigint as errors,
  coalesce(sum(m.client_errors), 0)::bigint as "clientErrors", coalesce(sum(m.bytes), 0)::bigint as bytes`;

/** The same for the buckets, one by one, since arrays don't add up. */
export const bucketSums = sql`array[${sql.join(
  Array.from(
    { length: latencyBucketCount },
    (_, index) => sql`coalesce(sum(m.latency_buckets[${sql.lit(index + 1)}]), 0)::bigint`,
  ),
)}] as buckets`;

/** Everything counted within a period, in the buckets that it is kept in by now: columns of usage_minutes, and when each begins. */
export const useWithin = (
  { since, until }: Period,
  tenantId: RawBuilder<unknown> | null = null,
): RawBuilder<unknown> => {
  const columns = sql`tenant_id, requests, errors, client_errors, bytes, duration_ms, latency_buckets`;
  const within = (
    begins: RawBuilder<unknown>,
  ) => sql`${begins} >= ${since}::timestamptz and ${begins} < ${until}::timestamptz
    ${tenantId === null ? sql`` : sql`and tenant_id = ${tenantId}`}`;
  return sql`(select minute as begins_at, ${columns} from app.usage_minutes where ${within(sql.ref("minute"))}
    union all select begins_at, ${columns} from app.usage_rollups where span = 'hour' and ${within(sql.ref("begins_at"))}
    union all select begins_at, ${columns} from app.usage_rollups where span = 'day' and ${within(sql.ref("begins_at"))})`;
};

/** One row per step that had requests; `step` counts from 0 at `since`. Without a tenant: everything, the system's own too. */
export const useOverTime = (period: Period, tenantId: string | null): CompiledQuery<Use & { step: number }> =>
  sql<Use & { step: number }>`select
      floor(extract(epoch from m.begins_at - ${period.since}::timestamptz) / ${period.stepMinutes * 60}::int)::int as step, ${sums}, ${bucketSums}
    from ${useWithin(period, tenantId === null ? null : sql`${tenantId}::uuid`)} m group by step order by step`.compile(
    build,
  );

/** The tenants with the most requests. */
export const heaviestTenants = (
  period: Period,
  limit: number,
): CompiledQuery<Use & { tenantId: string; slug: string }> =>
  sql<Use & { tenantId: string; slug: string }>`select t.id as "tenantId", t.slug, ${sums}, ${bucketSums}
    from ${useWithin(period)} m join app.tenants t on t.id = m.tenant_id
    where m.tenant_id <> ${SYSTEM_TENANT_ID}::uuid
    group by t.id, t.slug order by requests desc, t.slug limit ${limit}`.compile(build);

export const noUse: Use = {
  requests: 0,
  errors: 0,
  clientErrors: 0,
  bytes: 0,
  buckets: Array.from({ length: latencyBucketCount }, () => 0),
};

export const addUses = (uses: readonly Use[]): Use =>
  uses.reduce(
    (sum, use) => ({
      requests: sum.requests + use.requests,
      errors: sum.errors + use.errors,
      clientErrors: sum.clientErrors + use.clientErrors,
      bytes: sum.bytes + use.bytes,
      buckets: sum.buckets.map((count, index) => count + (use.buckets[index] ?? 0)),
    }),
    noUse,
  );

/** As the API shows it: percentiles from the summed buckets, since percentiles themselves don't average. */
export const useBody = ({ requests, errors, clientErrors, bytes, buckets }: Use) => ({
  requests,
  errors,
  clientErrors,
  bytesSent: bytes,
  latencyP50Ms: percentile(buckets, 0.5),
  latencyP95Ms: percentile(buckets, 0.95),
});

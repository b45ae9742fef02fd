import { build, SYSTEM_TENANT_ID, sql } from "@tenantctl/database";
import type { CompiledQuery, RawBuilder } from "kysely";
import { latencyBucketCount, percentile } from "./latency.ts";

export interface Use {
  readonly requests: number;
  readonly errors: number;
  readonly clientErrors: number;
  readonly buckets: readonly number[];
}

export interface Period {
  readonly since: Date;
  readonly until: Date;
  readonly stepMinutes: number;
}

/** Sums over a group; the buckets one by one, since arrays don't add up. */
const sums = sql`coalesce(sum(m.requests), 0)::bigint as requests, coalesce(sum(m.errors), 0)::bigint as errors,
  coalesce(sum(m.client_errors), 0)::bigint as "clientErrors",
  array[${sql.join(
    Array.from(
      { length: latencyBucketCount },
      (_, index) => sql`coalesce(sum(m.latency_buckets[${sql.lit(index + 1)}]), 0)::bigint`,
    ),
  )}] as buckets`;

const within = ({ since, until }: Period): RawBuilder<unknown> =>
  sql`m.minute >= ${since}::timestamptz and m.minute < ${until}::timestamptz`;

/** One row per step that had requests; `step` counts from 0 at `since`. Without a tenant: everything, the system's own too. */
export const useOverTime = (period: Period, tenantId: string | null): CompiledQuery<Use & { step: number }> =>
  sql<Use & { step: number }>`select
      floor(extract(epoch from m.minute - ${period.since}::timestamptz) / ${period.stepMinutes * 60}::int)::int as step, ${sums}
    from app.usage_minutes m
    where ${within(period)} ${tenantId === null ? sql`` : sql`and m.tenant_id = ${tenantId}::uuid`}
    group by step order by step`.compile(build);

/** The tenants with the most requests. */
export const heaviestTenants = (
  period: Period,
  limit: number,
): CompiledQuery<Use & { tenantId: string; slug: string }> =>
  sql<Use & { tenantId: string; slug: string }>`select t.id as "tenantId", t.slug, ${sums}
    from app.usage_minutes m join app.tenants t on t.id = m.tenant_id
    where ${within(period)} and m.tenant_id <> ${SYSTEM_TENANT_ID}::uuid
    group by t.id, t.slug order by requests desc, t.slug limit ${limit}`.compile(build);

export const noUse: Use = {
  requests: 0,
  errors: 0,
  clientErrors: 0,
  buckets: Array.from({ length: latencyBucketCount }, () => 0),
};

export const addUses = (uses: readonly Use[]): Use =>
  uses.reduce(
    (sum, use) => ({
      requests: sum.requests + use.requests,
      errors: sum.errors + use.errors,
      clientErrors: sum.clientErrors + use.clientErrors,
      buckets: sum.buckets.map((count, index) => count + (use.buckets[index] ?? 0)),
    }),
    noUse,
  );

/** As the API shows it: percentiles from the summed buckets, since percentiles themselves don't average. */
export const useBody = ({ requests, errors, clientErrors, buckets }: Use) => ({
  requests,
  errors,
  clientErrors,
  latencyP50Ms: percentile(buckets, 0.5),
  latencyP95Ms: percentile(buckets, 0.95),
});

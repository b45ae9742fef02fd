import { sql } from "@tenantctl/database";
import type { AlertMetric, Reading } from "../alerts/alert-metric.ts";

export const driftMetrics: Readonly<Record<string, AlertMetric>> = {
  quota_drift: {
    unit: "counters",
    about:
      "counters of each tenant that were not what is there, when they were last compared (each hour those that changed)",
    comparison: "atLeast",
    cost: "reads the counters that drifted",
    find: () => sql<Reading>`select d.tenant_id::text as subject, d.tenant_id as "tenantId", count(*)::float8 as value,
        format('the counters of %s are wrong: %s', t.slug, string_agg(format('%s says %s, there are %s',
          replace(d.resource, '_', ' '), d.counter, d.counted), '; ' order by d.resource)) as summary,
        jsonb_agg(jsonb_build_object('resource', d.resource, 'counter', d.counter, 'counted', d.counted, 'foundAt', d.found_at)
          order by d.resource) as evidence,
        format('tenantctl quotas recount %s', t.slug) as next
      from app.quota_drift d join app.tenants t on t.id = d.tenant_id and t.status <> 'purged'
      group by d.tenant_id, t.slug`,
  },
};

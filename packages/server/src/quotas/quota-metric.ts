import { sql } from "@tenantctl/database";
import type { AlertMetric, Reading } from "../alerts/alert-metric.ts";
import { quotaUses } from "./near-limit.ts";

export const quotaMetrics: Readonly<Record<string, AlertMetric>> = {
  quota_used: {
    unit: "%",
    about: "each active tenant's use of each quota that its plan or an override limits",
    comparison: "atLeast",
    cost: "reads the quotas of which half is used; below a threshold of 50, or with few tenants, every usage counter",
    find: (threshold) => sql<Reading>`select u.id || ':' || u.resource as subject, u.id as "tenantId",
        case when u.quota = 0 then 100 else u.used * 100.0 / u.quota end::float8 as value,
        format('%s uses %s of %s %s', u.slug, u.used, u.quota, replace(u.resource, '_', ' ')) as summary,
        jsonb_build_object('resource', u.resource, 'used', u.used, 'limit', u.quota) as evidence,
        format('tenantctl quotas show %s', u.slug) as next
      from (${quotaUses(threshold)}) u where u.used * 100.0 >= u.quota * ${threshold}::numeric`,
  },
};

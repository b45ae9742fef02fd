import { sql } from "@tenantctl/database";
import type { AlertMetric } from "../alerts/alert-metric.ts";
import { sealLag } from "./seal-lag.ts";

/** How long the audit log's oldest unsealed row has been waiting. Ten seconds are promised. */
export const sealLagMetric: AlertMetric = {
  unit: "seconds",
  about: "age of the oldest row of the audit log that is not sealed yet",
  comparison: "atLeast",
  cost: "the rows written since the last pass, by index; at most 10,000",
  find: (threshold) => sql`select '' as subject, null::uuid as "tenantId", lag.seconds as value,
    format('%s%s rows of the audit log are not sealed, the oldest for %s s', least(lag.waiting, 10000), case when lag.waiting > 10000 then ' or more' else '' end,
      round(lag.seconds)) as summary,
    jsonb_build_object('waiting', lag.waiting, 'seconds', round(lag.seconds), 'sealedUntil', lag.sealed_until) as evidence,
    'tenantctl audit verify' as next
  from ${sealLag} as lag where lag.seconds >= ${threshold}`,
};

/** Chains whose end was not as the sealer had left it: somebody wrote into the tables past the server. */
export const alteredChainsMetric: AlertMetric = {
  unit: "chains",
  about: "chains of the audit log's seals that were altered past the server",
  comparison: "atLeast",
  cost: "one index scan over altered chains",
  find: (threshold) => sql`select '' as subject, null::uuid as "tenantId", found.chains::float8 as value,
    format('%s chains of the audit log were altered past the server', found.chains) as summary,
    jsonb_build_object('chains', found.chains, 'tenants', found.tenants) as evidence, 'tenantctl audit verify' as next
  from (select count(*) as chains, (array_agg(tenant_id order by tenant_id))[1:10] as tenants from app.audit_chains where suspect is not null) as found
  where found.chains >= ${threshold}`,
};

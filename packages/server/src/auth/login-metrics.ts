import { SYSTEM_TENANT_ID, sql } from "@tenantctl/database";
import type { AlertMetric, Reading } from "../alerts/alert-metric.ts";

/** Failed logins of the last quarter of an hour; the one index on what did not succeed serves it. */
const failedLogins = sql`select l.tenant_id, l.actor_name, l.address, l.occurrences from app.audit_log l
  where l.at > now() - interval '15 minutes' and l.at <= now() and l.outcome <> 'success' and l.outcome = 'failure'
    and l.action = 'login'`;

const cost = "reads the failed logins of 15 minutes, by an index";

export const loginMetrics: Readonly<Record<string, AlertMetric>> = {
  failed_logins: {
    unit: "logins",
    about: "failed logins of each account within 15 minutes",
    comparison: "atLeast",
    cost,
    find: (threshold) => sql<Reading>`select f.tenant_id || ':' || f.actor_name as subject,
        nullif(f.tenant_id, ${sql.lit(SYSTEM_TENANT_ID)}::uuid) as "tenantId", sum(f.occurrences)::float8 as value,
        format('%s failed logins as %s%s within 15 minutes', sum(f.occurrences), f.actor_name,
          case when t.id = ${sql.lit(SYSTEM_TENANT_ID)}::uuid then '' else ' of ' || t.slug end) as summary,
        jsonb_build_object('account', f.actor_name, 'attempts', sum(f.occurrences), 'minutes', 15,
          'addresses', (array_agg(distinct f.address))[1:10]) as evidence,
        case when t.id = ${sql.lit(SYSTEM_TENANT_ID)}::uuid then 'tenantctl logs --failed --action login'
          else format('tenantctl logs --tenant %s --failed --action login', t.slug) end as next
      from (${failedLogins}) f join app.tenants t on t.id = f.tenant_id
      where f.actor_name is not null group by f.tenant_id, f.actor_name, t.id, t.slug
      having sum(f.occurrences) >= ${threshold}`,
  },
  login_spraying: {
    unit: "logins",
    about: "failed logins from each address that tried 5 accounts or more within 15 minutes",
    comparison: "atLeast",
    cost,
    find: (threshold) => sql<Reading>`select f.address as subject, null::uuid as "tenantId",
        sum(f.occurrences)::float8 as value,
        format('%s failed logins from %s, as %s accounts, within 15 minutes', sum(f.occurrences), f.address,
          count(distinct (f.tenant_id, f.actor_name))) as summary,
        jsonb_build_object('address', f.address, 'attempts', sum(f.occurrences), 'minutes', 15,
          'accounts', count(distinct (f.tenant_id, f.actor_name))) as evidence,
        'tenantctl logs --failed --action login --since 1h' as next
      from (${failedLogins}) f where f.address <> '' group by f.address
      having sum(f.occurrences) >= ${threshold} and count(distinct (f.tenant_id, f.actor_name)) >= 5`,
  },
};

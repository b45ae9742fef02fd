import { SYSTEM_TENANT_ID, sql } from "@tenantctl/database";
import type { RawBuilder } from "kysely";
import { overdueRules } from "../backups/overdue-rules.ts";
import { isNear, quotaUses } from "../quotas/near-limit.ts";

/** What a rule found: one fact per fingerprint. */
export interface Finding {
  readonly fingerprint: string;
  readonly tenantId: string | null;
  readonly severity: "info" | "warning" | "critical";
  readonly summary: string;
  readonly evidence: unknown;
  /** A command that shows more or mends it. */
  readonly next: string;
}

/** One statement finds it for all tenants: fingerprint, "tenantId", severity, summary, evidence, next. */
export interface AlertRule {
  readonly name: string;
  readonly about: string;
  readonly find: RawBuilder<Finding>;
}

const isTenant = sql`t.id <> ${sql.lit(SYSTEM_TENANT_ID)}::uuid and t.status = 'active'`;

const quotaRule = (
  name: string,
  about: string,
  severity: Finding["severity"],
  holds: RawBuilder<unknown>,
): AlertRule => ({
  name,
  about,
  find: sql<Finding>`select ${sql.lit(`${name}:`)} || u.id || ':' || u.resource as fingerprint, u.id as "tenantId",
      ${sql.lit(severity)} as severity,
      format('%s uses %s of %s %s', u.slug, u.used, u.quota, replace(u.resource, '_', ' ')) as summary,
      jsonb_build_object('resource', u.resource, 'used', u.used, 'limit', u.quota) as evidence,
      format('tenantctl quotas show %s', u.slug) as next
    from (${quotaUses}) u where ${holds}`,
});

/** Failed logins of the last quarter of an hour; the one index on what did not succeed serves it. */
const failedLogins = sql`select l.tenant_id, l.actor_name, l.address, l.occurrences from app.audit_log l
  where l.at > now() - interval '15 minutes' and l.outcome <> 'success' and l.outcome = 'failure' and l.action = 'login'`;

const errorRates = sql`select m.tenant_id, sum(m.requests)::bigint as requests, sum(m.errors)::bigint as errors
  from app.usage_minutes m where m.minute >= date_trunc('minute', now()) - interval '5 minutes' group by m.tenant_id`;

const errorRate = (fingerprint: RawBuilder<unknown>, whose: RawBuilder<unknown>, next: RawBuilder<unknown>) =>
  sql`${fingerprint} as fingerprint, case when e.errors * 4 >= e.requests then 'critical' else 'warning' end as severity,
    format('%s: %s of %s requests failed within 5 minutes', ${whose}, e.errors, e.requests) as summary,
    jsonb_build_object('requests', e.requests, 'errors', e.errors, 'minutes', 5) as evidence, ${next} as next`;

const tooManyErrors = sql`e.errors >= 5 and e.errors * 20 >= e.requests`;

/** The shipped rules: thresholds as they stand in the descriptions. */
export const alertRules: readonly AlertRule[] = [
  quotaRule("quota_near", "80 % or more of a quota is used", "warning", sql`u.used < u.quota and ${isNear}`),
  quotaRule("quota_reached", "A quota is used up", "critical", sql`u.used >= u.quota`),
  {
    name: "failed_logins",
    about: "10 failed logins of one account within 15 minutes",
    find: sql<Finding>`select 'failed_logins:' || f.tenant_id || ':' || f.actor_name as fingerprint,
        nullif(f.tenant_id, ${sql.lit(SYSTEM_TENANT_ID)}::uuid) as "tenantId",
        case when sum(f.occurrences) >= 50 then 'critical' else 'warning' end as severity,
        format('%s failed logins as %s%s within 15 minutes', sum(f.occurrences), f.actor_name,
          case when t.id = ${sql.lit(SYSTEM_TENANT_ID)}::uuid then '' else ' of ' || t.slug end) as summary,
        jsonb_build_object('account', f.actor_name, 'attempts', sum(f.occurrences), 'minutes', 15,
          'addresses', (array_agg(distinct f.address))[1:10]) as evidence,
        case when t.id = ${sql.lit(SYSTEM_TENANT_ID)}::uuid then 'tenantctl logs --failed --action login'
          else format('tenantctl logs --tenant %s --failed --action login', t.slug) end as next
      from (${failedLogins}) f join app.tenants t on t.id = f.tenant_id
      where f.actor_name is not null group by f.tenant_id, f.actor_name, t.id, t.slug having sum(f.occurrences) >= 10`,
  },
  {
    name: "login_spraying",
    about: "20 failed logins from one address, as 5 accounts or more, within 15 minutes",
    find: sql<Finding>`select 'login_spraying:' || f.address as fingerprint, null::uuid as "tenantId", 'critical' as severity,
        format('%s failed logins from %s, as %s accounts, within 15 minutes', sum(f.occurrences), f.address,
          count(distinct (f.tenant_id, f.actor_name))) as summary,
        jsonb_build_object('address', f.address, 'attempts', sum(f.occurrences), 'minutes', 15,
          'accounts', count(distinct (f.tenant_id, f.actor_name))) as evidence,
        'tenantctl logs --failed --action login --since 1h' as next
      from (${failedLogins}) f where f.address <> '' group by f.address
      having sum(f.occurrences) >= 20 and count(distinct (f.tenant_id, f.actor_name)) >= 5`,
  },
  {
    name: "error_rate",
    about: "5 % or more (and at least 5) of the requests about one tenant, or of all, failed within 5 minutes",
    find: sql<Finding>`select ${errorRate(sql`'error_rate:' || t.id`, sql`t.slug`, sql`format('tenantctl metrics %s --since 1h --step-minutes 1', t.slug)`)},
        t.id as "tenantId"
      from (${errorRates}) e join app.tenants t on t.id = e.tenant_id and ${isTenant} where ${tooManyErrors}
    union all
      select ${errorRate(sql`'error_rate:system'`, sql`'The system'`, sql`'tenantctl metrics --since 1h --step-minutes 1'`)}, null::uuid
      from (select sum(s.requests)::bigint as requests, sum(s.errors)::bigint as errors from (${errorRates}) s) e where ${tooManyErrors}`,
  },
  ...overdueRules,
];

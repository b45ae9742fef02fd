import { SYSTEM_TENANT_ID, sql } from "@tenantctl/database";
import type { AlertMetric, Reading } from "../alerts/alert-metric.ts";

/** A token that nobody has used for this long may expire unnoticed. */
const usedWithinDays = 30;

/** Tokens in use, and for a day those that have just stopped working. */
const inUse = sql`t.revoked_at is null and t.expires_at > now() - interval '1 day'
  and t.last_used_at > now() - ${sql.lit(`${usedWithinDays} days`)}::interval`;

export const tokenMetrics: Readonly<Record<string, AlertMetric>> = {
  token_days_left: {
    unit: "days",
    about: `until each token expires, of operators and of tenants, that was used within ${usedWithinDays} days`,
    comparison: "atMost",
    cost: "reads every token",
    find: () => sql<Reading>`select k.id::text as subject, k.tenant_id as "tenantId",
        (extract(epoch from k.expires_at - now()) / 86400)::float8 as value,
        format('the token "%s"%s %s', k.name, coalesce(' of ' || k.slug, ''), case when k.expires_at <= now() then 'has expired'
          else format('expires in %s days', floor(extract(epoch from k.expires_at - now()) / 86400)) end) as summary,
        jsonb_build_object('token', k.id, 'name', k.name, 'expiresAt', k.expires_at, 'lastUsedAt', k.last_used_at) as evidence,
        'tenantctl tokens list' || coalesce(' ' || k.slug, '') as next
      from (select t.id, t.name, t.expires_at, t.last_used_at, null::uuid as tenant_id, null::text as slug
          from app.operator_tokens t join app.operators o on o.id = t.created_by where ${inUse} and o.disabled_at is null
        union all select t.id, t.name, t.expires_at, t.last_used_at, n.id, n.slug
          from app.api_tokens t join app.tenants n on n.id = t.tenant_id
          where ${inUse} and n.status = 'active' and n.id <> ${sql.lit(SYSTEM_TENANT_ID)}::uuid) k`,
  },
};

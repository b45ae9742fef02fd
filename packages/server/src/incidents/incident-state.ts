import { type ResultOf, type Routes, version } from "@tenantctl/contract";
import { build, sql } from "@tenantctl/database";
import type { Call } from "../call.ts";
import { listContacts } from "../contacts/contact-row.ts";
import { jsonTime } from "../json-time.ts";
import { settings as known, type SettingName, type Settings } from "../settings.ts";
import { readIncident } from "./incident-row.ts";

type StateRoute = Routes["incidents.state"];
type State = ResultOf<StateRoute>;

/** What each setting is, and of a secret only whether there is one. */
const shownSettings = (values: Settings): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(known).map(([name, { env, secret }]: [string, { env: string; secret?: boolean }]) => {
      const value = values[name as SettingName];
      return [env, secret === true ? (value === undefined ? "not set" : "set") : (value ?? null)];
    }),
  );

const tenantStates = (ids: readonly string[]) =>
  sql<State["tenants"][number]>`select t.id, t.slug, t.status,
    coalesce((select jsonb_agg(jsonb_build_object('id', s.id, 'userId', s.user_id, 'email', u.email,
        'createdAt', ${jsonTime("s.created_at")}, 'expiresAt', ${jsonTime("s.expires_at")}, 'endedAt', ${jsonTime("s.ended_at")},
        'endReason', s.end_reason, 'address', s.address, 'userAgent', s.user_agent) order by s.created_at desc)
      from app.sessions s left join app.users u on u.tenant_id = s.tenant_id and u.id = s.user_id where s.tenant_id = t.id), '[]') as sessions,
    coalesce((select jsonb_agg(jsonb_build_object('id', k.id, 'name', k.name, 'scopes', k.scopes, 'createdBy', k.created_by_name,
        'createdAt', ${jsonTime("k.created_at")}, 'expiresAt', ${jsonTime("k.expires_at")}, 'revokedAt', ${jsonTime("k.revoked_at")},
        'lastUsedAt', ${jsonTime("k.last_used_at")}) order by k.created_at desc)
      from app.api_tokens k where k.tenant_id = t.id), '[]') as tokens
  from app.tenants t where t.id = any(${[...ids]}::uuid[]) order by t.slug`.compile(build);

const plans = sql<{ plan: unknown }>`select to_jsonb(p) as plan from app.plans p order by p.name`.compile(build);
const rules = sql<{
  rule: unknown;
}>`select to_jsonb(r) - 'shipped' as rule from app.alert_rules r order by r.name`.compile(build);
const clock = sql<{ at: string }>`select ${jsonTime("n.now")} as at from (select now() as now) n`.compile(build);

/** What evidence says beside the logs: who could have come in with what, and how the system was set up. */
export const incidentState = async (call: Call<StateRoute>): Promise<State> => {
  const incident = await readIncident(call.scope, call.params.id);
  const [tenants, planRows, ruleRows, [now]] = await call.scope.batch([
    tenantStates(incident.tenants.map(({ id }) => id)),
    plans,
    rules,
    clock,
  ]);
  return {
    at: now?.at ?? incident.openedAt,
    tenants,
    configuration: {
      version,
      settings: shownSettings(call.app.settings),
      plans: planRows.map(({ plan }) => plan),
      alertRules: ruleRows.map(({ rule }) => rule),
      contacts: await listContacts(call.scope),
    },
  };
};

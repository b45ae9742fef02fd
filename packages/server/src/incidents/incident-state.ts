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

type TenantState = State["tenants"][number];

const named = (ids: readonly string[]) =>
  sql<
    Omit<TenantState, "sessions" | "tokens">
  >`select t.id, t.slug, t.status from app.tenants t where t.id = any(${[...ids]}::uuid[]) order by t.slug`.compile(
    build,
  );

/** A statement each: what is on every node of a Citus cluster is not joined there to a list of what is on one. */
const sessionsOf = (ids: readonly string[]) =>
  sql<
    Pick<TenantState, "id" | "sessions">
  >`select s.tenant_id as id, jsonb_agg(jsonb_build_object('id', s.id, 'userId', s.user_id, 'email', u.email,
        'createdAt', ${jsonTime("s.created_at")}, 'expiresAt', ${jsonTime("s.expires_at")}, 'endedAt', ${jsonTime("s.ended_at")},
        'endReason', s.end_reason, 'address', s.address, 'userAgent', s.user_agent) order by s.created_at desc) as sessions
    from app.sessions s left join app.users u on u.tenant_id = s.tenant_id and u.id = s.user_id
    where s.tenant_id = any(${[...ids]}::uuid[]) group by s.tenant_id`.compile(build);

const tokensOf = (ids: readonly string[]) =>
  sql<
    Pick<TenantState, "id" | "tokens">
  >`select k.tenant_id as id, jsonb_agg(jsonb_build_object('id', k.id, 'name', k.name, 'scopes', k.scopes, 'createdBy', k.created_by_name,
        'createdAt', ${jsonTime("k.created_at")}, 'expiresAt', ${jsonTime("k.expires_at")}, 'revokedAt', ${jsonTime("k.revoked_at")},
        'lastUsedAt', ${jsonTime("k.last_used_at")}) order by k.created_at desc) as tokens
    from app.api_tokens k where k.tenant_id = any(${[...ids]}::uuid[]) group by k.tenant_id`.compile(build);

const plans = sql<{ plan: unknown }>`select to_jsonb(p) as plan from app.plans p order by p.name`.compile(build);
const rules = sql<{
  rule: unknown;
}>`select to_jsonb(r) - 'shipped' as rule from app.alert_rules r order by r.name`.compile(build);
const clock = sql<{ at: string }>`select ${jsonTime("n.now")} as at from (select now() as now) n`.compile(build);

/** What evidence says beside the logs: who could have come in with what, and how the system was set up. */
export const incidentState = async (call: Call<StateRoute>): Promise<State> => {
  const incident = await readIncident(call.scope, call.params.id);
  const ids = incident.tenants.map(({ id }) => id);
  const [tenants, sessions, tokens, planRows, ruleRows, [now]] = await call.scope.batch([
    named(ids),
    sessionsOf(ids),
    tokensOf(ids),
    plans,
    rules,
    clock,
  ]);
  const held = new Map(sessions.map(({ id, sessions: own }) => [id, own]));
  const issued = new Map(tokens.map(({ id, tokens: own }) => [id, own]));
  return {
    at: now?.at ?? incident.openedAt,
    tenants: tenants.map((tenant) => ({
      ...tenant,
      sessions: held.get(tenant.id) ?? [],
      tokens: issued.get(tenant.id) ?? [],
    })),
    configuration: {
      version,
      settings: shownSettings(call.app.settings),
      plans: planRows.map(({ plan }) => plan),
      alertRules: ruleRows.map(({ rule }) => rule),
      contacts: await listContacts(call.scope),
    },
  };
};

import { build, SYSTEM_TENANT_ID, sql } from "@tenantctl/database";
import type { Found, Looking } from "./check.ts";
import { minute, plural, some, whole } from "./wording.ts";

interface Refused {
  readonly logins: number;
  readonly accounts: number;
  readonly addresses: number;
  readonly crossed: number;
  readonly denied: number;
}

/** The one index on what did not succeed serves all of these. */
const unsuccessful = (since: string) =>
  sql`app.audit_log l where l.at >= ${since}::timestamptz and l.at <= now() and l.outcome <> 'success'`;
const isLogin = sql`l.outcome = 'failure' and l.action = 'login'`;
/** A tenant's own credentials that named another tenant. */
const isCrossing = sql`l.outcome = 'denied' and l.detail like 'tenant\\_not\\_found:%'`;

const totals = (since: string) =>
  sql<Refused>`select coalesce(sum(l.occurrences) filter (where ${isLogin}), 0)::bigint as logins,
      count(distinct (l.tenant_id, l.actor_name)) filter (where ${isLogin}) as accounts,
      count(distinct l.address) filter (where ${isLogin}) as addresses,
      coalesce(sum(l.occurrences) filter (where ${isCrossing}), 0)::bigint as crossed,
      coalesce(sum(l.occurrences) filter (where l.outcome = 'denied'), 0)::bigint as denied
    from ${unsuccessful(since)}`.compile(build);

interface Named {
  readonly actor: string;
  readonly slug: string | null;
  readonly address: string | null;
  readonly times: number;
}

const worstOf = (since: string, kind: typeof isLogin) =>
  sql<Named>`select w.actor, nullif(t.slug, 'system') as slug, w.address, w.times
    from (select l.tenant_id, coalesce(l.actor_name, l.actor_type) as actor, max(l.address) as address, sum(l.occurrences)::bigint as times
      from ${unsuccessful(since)} and ${kind} group by l.tenant_id, coalesce(l.actor_name, l.actor_type)
      order by times desc, actor limit 5) w
    left join app.tenants t on t.id = w.tenant_id order by w.times desc, w.actor`.compile(build);

const perDay = (since: string) =>
  sql<{ day: string; times: number }>`select to_char(d.day, 'YYYY-MM-DD') as day, coalesce(f.times, 0)::bigint as times
    from generate_series((${since}::timestamptz at time zone 'UTC')::date, (now() at time zone 'UTC')::date, interval '1 day') d(day)
    left join (select (l.at at time zone 'UTC')::date as day, sum(l.occurrences) as times from ${unsuccessful(since)} and ${isLogin}
      group by 1) f on f.day = d.day order by d.day limit 400`.compile(build);

const throttled = sql<{ now: number; lately: number }>`select count(*) filter (where blocked_until > now()) as now,
    count(*) filter (where blocked_until is not null and window_started_at > now() - interval '1 day') as lately
  from app.login_throttles`.compile(build);

interface TokenUse {
  readonly active: number;
  readonly used: number;
  readonly idle: number;
  readonly endless: number;
}

const tokenUse = (since: string) =>
  sql<TokenUse>`select count(*) as active, count(*) filter (where last_used_at >= ${since}::timestamptz) as used,
      count(*) filter (where coalesce(last_used_at, created_at) < now() - interval '90 days') as idle,
      count(*) filter (where expires_at is null) as endless
    from (select created_at, last_used_at, expires_at, revoked_at from app.operator_tokens
      union all select k.created_at, k.last_used_at, k.expires_at, k.revoked_at from app.api_tokens k
        join app.tenants t on t.id = k.tenant_id and t.status = 'active' and t.id <> ${sql.lit(SYSTEM_TENANT_ID)}::uuid) k
    where revoked_at is null and (expires_at is null or expires_at > now())`.compile(build);

const named = ({ actor, slug, address, times }: Named): string =>
  `  ${actor}${slug === null ? "" : ` of ${slug}`}: ${whole(times)}${address === null ? "" : `, from ${address}`}`;

export const securityLog = async ({ ask, since }: Looking): Promise<Found> => {
  const [refused] = await ask(totals(since));
  const accounts = await ask(worstOf(since, isLogin));
  const crossing = await ask(worstOf(since, isCrossing));
  const days = await ask(perDay(since));
  const [blocked] = await ask(throttled);
  const [tokens] = await ask(tokenUse(since));
  const { logins = 0, accounts: tried = 0, addresses = 0, crossed = 0, denied = 0 } = refused ?? {};
  const idle = tokens?.idle ?? 0;
  const [first] = crossing;
  return {
    result: crossed > 0 ? "warning" : logins + denied + idle > 0 ? "needs_person" : "ok",
    evidence: [
      `${plural(logins, "failed login")} since ${minute(since)}, as ${plural(tried, "account")} from ${plural(addresses, "address", "addresses")}`,
      ...some(accounts.map(named), accounts.length, 5),
      `throttled accounts and addresses: ${whole(blocked?.now ?? 0)} now, ${whole(blocked?.lately ?? 0)} within a day`,
      crossed === 0
        ? "nobody asked for another tenant's data"
        : `${plural(crossed, "request")} for another tenant, all refused`,
      ...some(crossing.map(named), crossing.length, 5),
      `${plural(denied, "refusal")} in all, for whatever reason`,
      `tokens: ${whole(tokens?.active ?? 0)} valid, ${whole(tokens?.used ?? 0)} used since, ${whole(idle)} unused for 90 days, ${whole(tokens?.endless ?? 0)} that never expire`,
    ],
    next:
      first !== undefined
        ? `tenantctl logs${first.slug === null ? "" : ` --tenant ${first.slug}`} --denied`
        : logins > 0
          ? "tenantctl logs --failed --action login"
          : denied > 0
            ? "tenantctl logs --denied"
            : idle > 0
              ? "tenantctl tokens list"
              : undefined,
    figures: [
      {
        title: "Failed logins by day",
        kind: "bars",
        unit: "count",
        labels: days.map(({ day }) => day),
        series: [{ name: "failed logins", values: days.map(({ times }) => times) }],
      },
    ],
  };
};

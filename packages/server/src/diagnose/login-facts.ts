import type { TenantRole } from "@tenantctl/contract";
import { build, type Scope, SYSTEM_TENANT_ID, sql } from "@tenantctl/database";
import { networkOf } from "../auth/network.ts";
import { attemptOn } from "../auth/throttle.ts";
import { jsonTime } from "../json-time.ts";

/** Networks whose throttling is looked up: where the account failed or logged in lately. */
const mostNetworks = 20;

export interface AccountFacts {
  readonly id: string;
  readonly role: TenantRole;
  readonly disabledAt: string | null;
  readonly hasPassword: boolean;
  readonly mustChangePassword: boolean;
  readonly passwordChangedAt: string | null;
  readonly passwordDays: number | null;
  readonly lastLoginAt: string | null;
  /** An unused reset secret: until when it is good, or was. */
  readonly resetUntil: string | null;
  readonly resetIsOver: boolean;
  readonly sessions: number;
  readonly lastEndedAt: string | null;
  readonly lastEndReason: string | null;
}

export interface FailedLogins {
  readonly address: string | null;
  readonly detail: string | null;
  readonly times: number;
  readonly lastAt: string;
  /** Since the account last got in, and since its password was last changed. */
  readonly stands: boolean;
}

/** Failed attempts that count for one network, or with null for the account from anywhere it is not known. */
export interface Throttle {
  readonly network: string | null;
  readonly rule: "pair" | "account" | "address";
  readonly failures: number;
  readonly blockedUntil: string | null;
  readonly seconds: number;
}

export interface LoginFacts {
  readonly account: AccountFacts | undefined;
  /** Other tenants with an account of this e-mail, and whether an operator has it. */
  readonly elsewhere: readonly { readonly slug: string; readonly status: string }[];
  readonly isOperator: boolean;
  /** Accounts of the tenant that are spelt alike. */
  readonly alike: readonly string[];
  readonly failures: readonly FailedLogins[];
  readonly knownNetworks: readonly string[];
  readonly throttles: readonly Throttle[];
}

const account = (tenantId: string, email: string) =>
  sql<AccountFacts>`select u.id, u.role, ${jsonTime("u.disabled_at")} as "disabledAt", u.password_hash is not null as "hasPassword",
      u.must_change_password as "mustChangePassword", ${jsonTime("u.password_changed_at")} as "passwordChangedAt",
      floor(extract(epoch from now() - u.password_changed_at) / 86400)::int as "passwordDays",
      ${jsonTime("u.last_login_at")} as "lastLoginAt", ${jsonTime("r.expires_at")} as "resetUntil",
      coalesce(r.expires_at <= now(), false) as "resetIsOver",
      (select count(*) from app.sessions s where s.tenant_id = u.tenant_id and s.user_id = u.id and s.ended_at is null
        and s.expires_at > now()) as sessions,
      ${jsonTime("e.ended_at")} as "lastEndedAt", e.end_reason as "lastEndReason"
    from app.users u
    left join lateral (select p.expires_at from app.password_resets p where p.tenant_id = u.tenant_id and p.user_id = u.id
      and p.used_at is null order by p.created_at desc limit 1) r on true
    left join lateral (select s.ended_at, s.end_reason from app.sessions s where s.tenant_id = u.tenant_id and s.user_id = u.id
      and s.ended_at is not null order by s.ended_at desc limit 1) e on true
    where u.tenant_id = ${tenantId}::uuid and u.email = ${email}`.compile(build);

const elsewhere = (tenantId: string, email: string) =>
  sql<{ slug: string; status: string }>`select t.slug, t.status from app.tenants t
    where t.status <> 'purged' and t.id <> ${tenantId}::uuid and t.id <> ${SYSTEM_TENANT_ID}::uuid
      and exists (select from app.users u where u.tenant_id = t.id and u.email = ${email})
    order by t.slug limit 5`.compile(build);

/** The same name at another domain, or the same domain and nearly the same name: what a slip of the fingers makes. */
const alike = (tenantId: string, email: string) => {
  const [local = "", domain = ""] = email.split("@");
  return sql<{ email: string }>`select u.email from app.users u where u.tenant_id = ${tenantId}::uuid
      and (split_part(u.email, '@', 1) = ${local}
        or (split_part(u.email, '@', 2) = ${domain} and left(u.email, 3) = ${local.slice(0, 3)}))
    order by u.email limit 5`.compile(build);
};

const failures = (tenantId: string, email: string) =>
  sql<FailedLogins>`select l.address, l.detail, sum(l.occurrences)::bigint as times, ${jsonTime("l.last")} as "lastAt",
      bool_or(l.stands) as stands
    from (select l.*, max(l.at) over (partition by l.address, l.detail) as last, l.at > coalesce((
        select greatest(u.last_login_at, u.password_changed_at) from app.users u
        where u.tenant_id = ${tenantId}::uuid and u.email = ${email}), '-infinity') as stands
      from app.audit_log l where l.tenant_id = ${tenantId}::uuid and l.action = 'login' and l.outcome = 'failure'
        and l.at > now() - interval '24 hours' and l.actor_name = ${email}) l
    group by l.address, l.detail, l.last order by l.last desc limit 10`.compile(build);

const known = (tenantId: string, email: string) =>
  sql<{ network: string }>`select k.address as network from app.known_addresses k
      join app.users u on u.tenant_id = k.tenant_id and u.id = k.account_id
    where k.tenant_id = ${tenantId}::uuid and u.email = ${email} and k.last_login_at > now() - interval '90 days'
    order by k.last_login_at desc limit ${sql.lit(mostNetworks)}`.compile(build);

const throttled = (keys: readonly string[]) =>
  sql<{ key: string; failures: number; blockedUntil: string | null; seconds: number }>`select key, failures,
      case when blocked_until > now() then ${jsonTime("blocked_until")} end as "blockedUntil",
      greatest(ceil(extract(epoch from blocked_until - now())), 0)::int as seconds
    from app.login_throttles where key = any(${keys}::text[])
      and (blocked_until > now() or window_started_at > now() - interval '1 hour')`.compile(build);

/** Throttles are kept by hashes: they are looked up for each network from which this account is known to have tried. */
const throttlesOf = async (
  scope: Scope,
  tenantId: string,
  email: string,
  networks: readonly string[],
): Promise<Throttle[]> => {
  const wanted = new Map<string, Pick<Throttle, "network" | "rule">>();
  for (const network of ["", ...networks]) {
    const { pair, account: whole, address } = attemptOn(tenantId, email, network, false).keys;
    if (whole !== undefined) wanted.set(whole, { network: null, rule: "account" });
    if (network === "") continue;
    wanted.set(pair, { network, rule: "pair" });
    if (address !== undefined) wanted.set(address, { network, rule: "address" });
  }
  const rows = await scope.run(throttled([...wanted.keys()]));
  return rows.flatMap(({ key, ...row }) => {
    const what = wanted.get(key);
    return what === undefined ? [] : [{ ...what, ...row }];
  });
};

/** What is known about the logins of an e-mail at a tenant. Reads as operator. */
export const loginFacts = async (
  scope: Scope,
  tenantId: string,
  email: string,
  address: string | undefined,
): Promise<LoginFacts> => {
  const [[found], others, [operator], spelt, failed, networks] = await scope.batch([
    account(tenantId, email),
    elsewhere(tenantId, email),
    sql<{ id: string }>`select id from app.operators where email = ${email}`.compile(build),
    alike(tenantId, email),
    failures(tenantId, email),
    known(tenantId, email),
  ]);
  const knownNetworks = networks.map(({ network }) => network);
  const tried = [...(address === undefined ? [] : [address]), ...failed.flatMap((row) => row.address ?? [])];
  const all = [...new Set([...tried.map(networkOf), ...knownNetworks])].slice(0, mostNetworks);
  return {
    account: found,
    elsewhere: others,
    isOperator: operator !== undefined,
    alike: spelt.map((row) => row.email),
    failures: failed,
    knownNetworks,
    throttles: await throttlesOf(scope, tenantId, email, all),
  };
};

import { build, SYSTEM_TENANT_ID, sql } from "@tenantctl/database";
import { jsonTime } from "../json-time.ts";
import type { Found, Looking } from "./check.ts";
import { minute, plural, some } from "./wording.ts";

/** Failures in a row of logins that one success behind them makes suspicious. */
const fewest = 5;

interface Broken {
  readonly account: string;
  readonly slug: string | null;
  readonly failures: number;
  readonly address: string | null;
  readonly at: string;
  readonly total: number;
}

/** Accounts that got in within an hour after their logins had failed five times or more. */
const failuresThenSuccess = (since: string) =>
  sql<Broken>`with failed as (
      select l.tenant_id, l.actor_name, sum(l.occurrences)::bigint as failures, min(l.at) as first, max(l.at) as last
      from app.audit_log l where l.at >= ${since}::timestamptz and l.outcome <> 'success' and l.outcome = 'failure'
        and l.action = 'login' and l.actor_name is not null
      group by l.tenant_id, l.actor_name having sum(l.occurrences) >= ${sql.lit(fewest)} order by failures desc limit 1000)
    select f.actor_name as account, nullif(t.slug, 'system') as slug, f.failures, s.address, ${jsonTime("s.at")} as at,
      count(*) over () as total
    from failed f join app.tenants t on t.id = f.tenant_id cross join lateral (
      select l.at, l.address from app.audit_log l where l.tenant_id = f.tenant_id and l.action = 'login' and l.outcome = 'success'
        and l.actor_name = f.actor_name and l.at > f.first and l.at < f.last + interval '1 hour' order by l.at limit 1) s
    order by f.failures desc, s.at limit 8`.compile(build);

interface NewAddress {
  readonly account: string;
  readonly address: string;
  readonly at: string;
  readonly total: number;
}

/** Addresses from which an operator logged in for the first time, though they had logged in before. */
const newAddresses = (since: string) =>
  sql<NewAddress>`with logins as (
      select l.actor_id, l.actor_name, l.address, l.at from app.audit_log l
      where l.tenant_id = ${SYSTEM_TENANT_ID}::uuid and l.action = 'login' and l.outcome = 'success' and l.actor_type = 'operator'
        and l.address is not null and l.at > ${since}::timestamptz - interval '400 days'),
    firsts as (select actor_id, max(actor_name) as account, address, min(at) as at from logins group by actor_id, address)
    select f.account, f.address, ${jsonTime("f.at")} as at, count(*) over () as total
    from firsts f where f.at >= ${since}::timestamptz
      and f.at > (select min(o.at) from firsts o where o.actor_id = f.actor_id)
    order by f.at desc limit 8`.compile(build);

/** Logins that somebody should recognise. */
export const unusualLogins = async ({ ask, since }: Looking): Promise<Found> => {
  const [broken, addresses] = [await ask(failuresThenSuccess(since)), await ask(newAddresses(since))];
  const guessed = broken.map(
    ({ account, slug, failures, address, at }) =>
      `${account}${slug === null ? "" : ` of ${slug}`}: ${plural(failures, "failed login")}, then one that worked, from ${address ?? "nowhere"} at ${minute(at)}`,
  );
  const moved = addresses.map(
    ({ account, address, at }) => `${account} for the first time from ${address} at ${minute(at)}`,
  );
  const [first] = broken;
  return {
    result: broken.length > 0 ? "warning" : addresses.length > 0 ? "needs_person" : "ok",
    evidence: [
      ...(broken.length + addresses.length === 0 ? ["no unusual login"] : []),
      ...some(guessed, first?.total ?? 0, 5),
      ...some(moved, addresses[0]?.total ?? 0, 5),
    ],
    next:
      first === undefined
        ? addresses.length > 0
          ? "tenantctl logs --action login"
          : undefined
        : `tenantctl logs${first.slug === null ? "" : ` --tenant ${first.slug}`} --action login`,
  };
};

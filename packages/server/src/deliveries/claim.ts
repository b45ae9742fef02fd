import { build, sql } from "@tenantctl/database";
import type { CompiledQuery, RawBuilder } from "kysely";
import { longestWaitSeconds } from "./back-off.ts";

/** A delivery that this process may send until its lease ends. */
export interface Claimed {
  readonly id: string;
  readonly leaseId: string;
  readonly event: string;
  readonly body: string;
  /** This one included. */
  readonly attempts: number;
  readonly url: string;
  readonly host: string;
  /** The contact's, the newest first. */
  readonly secrets: readonly string[];
  /** The database's time: what is signed. */
  readonly now: Date;
}

/** Seconds of a lease: longer than any try takes. */
const leaseSeconds = 60;
/** Two transactions' times differ a little; what lies further ahead comes from a clock that jumped, and counts as now. */
const slackSeconds = 60;
/** Tries under way at once to one channel, over all processes: whoever hangs leaves room for the others. */
const perChannel = 4;
const perFailingChannel = 1;

const seconds = (count: number): RawBuilder<unknown> => sql`make_interval(secs => ${sql.lit(count)})`;

const leased = (row: string): RawBuilder<unknown> => {
  const until = sql.ref(`${row}.lease_until`);
  return sql`coalesce(${until} > now() and ${until} <= now() + ${seconds(leaseSeconds + slackSeconds)}, false)`;
};

const due = (row: string): RawBuilder<unknown> => {
  const next = sql.ref(`${row}.next_attempt_at`);
  return sql`${sql.ref(`${row}.status`)} = 'pending' and not ${leased(row)}
    and (${next} <= now() or ${next} > now() + ${seconds(longestWaitSeconds + slackSeconds)})`;
};

/** What a claim sets. */
const leaseFor = (leaseId: string): RawBuilder<unknown> =>
  sql`lease_id = ${leaseId}::uuid, lease_until = now() + ${seconds(leaseSeconds)}`;

const claimed = sql<Claimed>`d.id, d.lease_id as "leaseId", d.event, d.body, d.attempts, ch.url, ch.host,
  array_remove(array[c.signing_secret,
    case when c.previous_secret_until > now() and c.previous_secret_until <= now() + interval '25 hours'
      then c.previous_secret end], null) as secrets, now() as now`;

/** Takes up to `most` due deliveries, those of channels that work first. */
export const claimDue = (leaseId: string, most: number): CompiledQuery<Claimed> =>
  sql<Claimed>`with open as (
      select ch.id, ch.failing_since is not null as failing,
        greatest(0, case when ch.failing_since is null then ${sql.lit(perChannel)} else ${sql.lit(perFailingChannel)} end
          - (select count(*) from app.deliveries f where f.channel_id = ch.id and f.status = 'pending' and f.lease_id is not null and ${leased("f")})) as room
      from app.contact_channels ch where ch.disabled_at is null),
    picked as (
      select p.id from open o cross join lateral (
        select d.id, d.next_attempt_at from app.deliveries d where d.channel_id = o.id and ${due("d")}
        order by d.next_attempt_at limit least(o.room, ${most}::bigint) for update of d skip locked) p
      order by o.failing, p.next_attempt_at limit ${most})
    update app.deliveries d set attempts = d.attempts + 1, ${leaseFor(leaseId)}
    from picked, app.contact_channels ch join app.contacts c on c.id = ch.contact_id
    where d.id = picked.id and ch.id = d.channel_id returning ${claimed}`.compile(build);

/** Takes one delivery to send it here and now, due or not, as the first of its tries; nothing where it is being sent. */
export const claimNow = (leaseId: string, id: string): CompiledQuery<Claimed> =>
  sql<Claimed>`update app.deliveries d set status = 'pending', attempts = 1, started_at = now(), next_attempt_at = now(),
      finished_at = null, ${leaseFor(leaseId)}
    from app.contact_channels ch join app.contacts c on c.id = ch.contact_id
    where d.id = ${id}::uuid and ch.id = d.channel_id and not ${leased("d")} returning ${claimed}`.compile(build);

/** Milliseconds until the next one is due, where that is within `withinSeconds`. */
export const nextDue = (withinSeconds: number): CompiledQuery<{ ms: number }> =>
  sql<{ ms: number }>`select greatest(0, extract(epoch from min(d.next_attempt_at) - now()) * 1000)::float8 as ms
    from app.deliveries d join app.contact_channels ch on ch.id = d.channel_id and ch.disabled_at is null
    where d.status = 'pending' and not ${leased("d")} and d.next_attempt_at > now()
      and d.next_attempt_at <= now() + ${seconds(withinSeconds)} having count(*) > 0`.compile(build);

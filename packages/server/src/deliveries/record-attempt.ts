import { build, type Scope, sql } from "@tenantctl/database";
import { v7 as uuidv7 } from "uuid";
import { fewestAttempts, mostAttempts, waitSeconds } from "./back-off.ts";
import type { Claimed } from "./claim.ts";
import type { Sent } from "./send-webhook.ts";

/** The newest tries of a delivery that are kept. */
const attemptsKept = 20;
/** The channel is told to be gone for good. */
const gone = 410;

const logAttempt = (id: string, { status, fault, durationMs }: Sent) =>
  sql<never>`insert into app.delivery_attempts (delivery_id, id, duration_ms, status, error)
    select d.id, ${uuidv7()}::uuid, ${durationMs}::int, ${status}::int, ${fault?.error ?? null}::text
    from app.deliveries d where d.id = ${id}::uuid`.compile(build);

const forgetAttempts = (id: string) =>
  sql<never>`delete from app.delivery_attempts where delivery_id = ${id}::uuid and id in (
    select id from app.delivery_attempts where delivery_id = ${id}::uuid order by at desc, id desc offset ${sql.lit(attemptsKept)})`.compile(
    build,
  );

const channelOf = (id: string) => sql`(select channel_id from app.deliveries where id = ${id}::uuid)`;

/** Taken is taken, whoever holds the lease by now. */
const delivered = (id: string, { status }: Sent) =>
  sql<never>`update app.deliveries set status = 'delivered', last_status = ${status}::int, last_error = null,
    finished_at = now(), lease_id = null, lease_until = null where id = ${id}::uuid and status = 'pending'`.compile(
    build,
  );

const works = (id: string) =>
  sql<never>`update app.contact_channels set failing_since = null, disabled_at = null
    where id = ${channelOf(id)} and (failing_since is not null or disabled_at is not null)`.compile(build);

const failed = ({ id, leaseId, event, attempts }: Claimed, { status, fault, retryAfter }: Sent) => {
  // A test is tried once: somebody is waiting for what it says.
  const over =
    event === "contact.test" || status === gone
      ? sql`true`
      : sql`attempts >= ${sql.lit(mostAttempts)} or (attempts >= ${sql.lit(fewestAttempts)} and started_at < now() - interval '1 day')`;
  const wait = waitSeconds(attempts, retryAfter);
  return sql<never>`update app.deliveries set status = case when ${over} then 'failed' else 'pending' end,
    finished_at = case when ${over} then now() end, last_status = ${status}::int, last_error = ${fault?.error ?? null}::text,
    next_attempt_at = now() + make_interval(secs => ${wait}::float8), lease_id = null, lease_until = null
    where id = ${id}::uuid and status = 'pending' and lease_id = ${leaseId}::uuid`.compile(build);
};

const fails = (id: string) =>
  sql<never>`update app.contact_channels set failing_since = now() where id = ${channelOf(id)} and failing_since is null`.compile(
    build,
  );

const disable = (id: string) =>
  sql<never>`update app.contact_channels set disabled_at = coalesce(disabled_at, now()) where id = ${channelOf(id)}`.compile(
    build,
  );

/** What else waits for a channel that is gone can't be delivered either, and is not kept from being seen. */
const failOthers = (id: string, error: string) =>
  sql<never>`update app.deliveries set status = 'failed', finished_at = now(), last_error = ${error}
    where channel_id = ${channelOf(id)} and status = 'pending' and id <> ${id}::uuid`.compile(build);

/** Writes what became of a try: its log row, the delivery's next state, and the channel's. */
export const recordAttempt = async (scope: Scope, claimed: Claimed, sent: Sent): Promise<void> => {
  const { id } = claimed;
  const { fault, status } = sent;
  const log = [logAttempt(id, sent), forgetAttempts(id)];
  const result =
    fault === undefined
      ? [delivered(id, sent), works(id)]
      : status === gone
        ? [failed(claimed, sent), fails(id), disable(id), failOthers(id, fault.error)]
        : [failed(claimed, sent), fails(id)];
  await scope.batch([...result, ...log]);
};

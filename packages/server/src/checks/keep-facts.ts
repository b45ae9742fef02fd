import { build, SYSTEM_TENANT_ID, sql } from "@tenantctl/database";
import type { App } from "../app.ts";

/** Days and hours that are kept. */
const keptDays = 400;

const today = sql`(now() at time zone 'UTC')::date`;
const ours = sql`t.id <> ${sql.lit(SYSTEM_TENANT_ID)}::uuid and t.status <> 'purged'`;
const used = (resource: string) =>
  sql`coalesce((select sum(c.used) from app.usage_counters c where c.resource = ${sql.lit(resource)}), 0)`;

/** The system as it is now, in today's row. Of connections the most that any look of the day saw. */
const keepToday = sql`with sizes as (
    select distinct on (s.tenant_id) s.rows, s.bytes from app.tenant_sizes s join app.tenants t on t.id = s.tenant_id and ${ours}
    where s.day >= ${today} - 1 order by s.tenant_id, s.day desc),
  disk as (select (r.evidence ->> 'sizeBytes')::bigint as size, (r.evidence ->> 'freeBytes')::bigint as free
    from app.host_readings r where r.metric in ('disk_used', 'database_disk_used') and r.value is not null
      and r.read_at > now() - interval '10 minutes' order by r.value desc limit 1)
  insert into app.daily_facts as f (day, tenants, users, customers, rows, bytes, database_bytes, connections, connections_limit,
    disk_bytes, disk_limit_bytes)
  select ${today}, (select count(*) from app.tenants t where ${ours}), ${used("users")}, ${used("customers")},
    (select sum(rows) from sizes), ${used("storage_bytes")}, pg_database_size(current_database()),
    (select sum(numbackends) from pg_stat_database),
    greatest(current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int, 1),
    (select size - free from disk), (select size from disk)
  on conflict (day) do update set tenants = excluded.tenants, users = excluded.users, customers = excluded.customers,
    rows = coalesce(excluded.rows, f.rows), bytes = excluded.bytes, database_bytes = excluded.database_bytes,
    connections = greatest(excluded.connections, f.connections), connections_limit = excluded.connections_limit,
    disk_bytes = coalesce(excluded.disk_bytes, f.disk_bytes), disk_limit_bytes = coalesce(excluded.disk_limit_bytes, f.disk_limit_bytes),
    read_at = now()`.compile(build);

/** Hours that are over and not kept yet, as far back as minutes are; a few at a time, for each reads an hour of use. */
const keepHours = sql`with h as materialized (
    select h.hour from generate_series(date_trunc('hour', now()) - interval '46 hours', date_trunc('hour', now() - interval '5 minutes') - interval '1 hour', interval '1 hour') h(hour)
    where h.hour >= (select date_trunc('hour', created_at) from app.tenants where id = ${SYSTEM_TENANT_ID}::uuid)
      and not exists (select from app.hourly_requests k where k.hour = h.hour) order by h.hour desc limit 6),
  u as materialized (select h.hour, sum(m.requests)::bigint as requests, sum(m.errors)::bigint as errors
    from h join app.usage_minutes m on m.minute >= h.hour and m.minute < h.hour + interval '1 hour' group by h.hour)
  insert into app.hourly_requests (hour, requests, errors)
  select h.hour, coalesce(u.requests, 0), coalesce(u.errors, 0) from h left join u on u.hour = h.hour
  on conflict (hour) do nothing`.compile(build);

const forgetDays = sql`delete from app.daily_facts where day < ${today} - ${sql.lit(keptDays)}`.compile(build);
const forgetHours =
  sql`delete from app.hourly_requests where hour < now() - make_interval(days => ${sql.lit(keptDays)})`.compile(build);

/** Keeps what growth, patterns of use and capacity are judged by. Any number of processes may do it at once. */
export const keepFacts = async ({ db }: Pick<App, "db">): Promise<void> => {
  const scope = db.operator();
  await scope.run(keepToday);
  await scope.batch([keepHours, forgetDays, forgetHours]);
};

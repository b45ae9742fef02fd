-- Use over time in buckets of bounded number: minutes for 2 days, hours for 35, days for 400. And how large tenants are.

-- What requests took, all together: buckets alone don't say who keeps the system busy.
alter table app.usage_minutes add column duration_ms bigint not null default 0;
comment on column app.usage_minutes.rows is 'Not counted; app.tenant_sizes says how many rows a tenant holds.';

create table app.usage_rollups (
  tenant_id uuid not null,
  span text not null constraint usage_rollups_span check (span in ('hour', 'day')),
  begins_at timestamptz(3) not null,
  route_group text not null default '',
  requests bigint not null default 0,
  errors bigint not null default 0,
  client_errors bigint not null default 0,
  latency_buckets bigint[] not null default '{}',
  bytes bigint not null default 0,
  duration_ms bigint not null default 0,
  constraint usage_rollups_pkey primary key (tenant_id, span, begins_at, route_group)
);
create index usage_rollups_by_time on app.usage_rollups (span, begins_at);
select tenancy.retain('app.usage_rollups', tenant_may => 'select');

-- One row per tenant and day: the last count of that day.
create table app.tenant_sizes (
  tenant_id uuid not null,
  day date not null,
  -- In every table that an export holds, adopted ones too. Null: counting took too long.
  rows bigint,
  -- As its storage quota counts them.
  bytes bigint not null default 0,
  counted_at timestamptz(3) not null default now(),
  constraint tenant_sizes_pkey primary key (tenant_id, day)
);
create index tenant_sizes_by_day on app.tenant_sizes (day);
select tenancy.retain('app.tenant_sizes', tenant_may => 'select, insert, update');

-- Moves one slice of what is old enough into the next larger buckets: of `source`, whose buckets begin at `begins`, what
-- lies before `before`, the oldest first, about `most` rows. Returns how many rows were moved. Its cost follows that number.
create function app.roll_up_slice(source text, begins text, condition text, before timestamptz, into_span text, step interval, most integer)
returns bigint
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
declare
  slice constant text := format('from %s m where %s and m.%I >= $1 and m.%I < $2', source, condition, begins, begins);
  first timestamptz;
  last timestamptz;
  moved bigint;
begin
  execute format('select m.%I from %s m where %s and m.%I < $1 order by m.%I limit 1', begins, source, condition, begins, begins)
    into first using before;
  if first is null then
    return 0;
  end if;
  execute format('select m.%I from %s m where %s and m.%I < $1 order by m.%I offset $2 limit 1', begins, source, condition, begins, begins)
    into last using before, most;
  last := greatest(coalesce(last, before), least(first + step, before));
  -- Nobody writes buckets this old any more (the server goes by the database's clock), so both statements see the same rows.
  execute format($sql$
    insert into app.usage_rollups as u
      (tenant_id, span, begins_at, route_group, requests, errors, client_errors, latency_buckets, bytes, duration_ms)
    select m.tenant_id, %1$L, date_trunc(%1$L, m.%2$I, 'UTC'), m.route_group, sum(m.requests), sum(m.errors), sum(m.client_errors),
      array[%3$s], sum(m.bytes), sum(m.duration_ms)
    %4$s group by m.tenant_id, date_trunc(%1$L, m.%2$I, 'UTC'), m.route_group
    on conflict on constraint usage_rollups_pkey do update set
      requests = u.requests + excluded.requests, errors = u.errors + excluded.errors,
      client_errors = u.client_errors + excluded.client_errors, bytes = u.bytes + excluded.bytes,
      duration_ms = u.duration_ms + excluded.duration_ms, latency_buckets = array[%5$s]$sql$,
    into_span, begins,
    (select string_agg(format('coalesce(sum(m.latency_buckets[%s]), 0)', n), ', ' order by n) from generate_series(1, 21) n),
    slice,
    (select string_agg(format('coalesce(u.latency_buckets[%s], 0) + excluded.latency_buckets[%s]', n, n), ', ' order by n)
      from generate_series(1, 21) n))
    using first, last;
  execute format('delete %s', slice) using first, last;
  get diagnostics moved = row_count;
  return moved;
end $$;

-- Adds minutes older than 2 days up to hours, hours older than 35 days up to days: one slice of each. Returns how many rows
-- were moved; call it again until that is 0. The serving roles can only add to these tables, so this runs as their owner.
create function app.roll_up_usage(most integer default 20000) returns bigint
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  -- Whoever is at it already does it for all.
  if not pg_try_advisory_xact_lock(7068) then
    return 0;
  end if;
  return app.roll_up_slice('app.usage_minutes', 'minute', 'true', date_trunc('hour', now() - interval '2 days', 'UTC'), 'hour',
      interval '1 minute', most)
    + app.roll_up_slice('app.usage_rollups', 'begins_at', 'm.span = ''hour''', date_trunc('day', now() - interval '35 days', 'UTC'), 'day',
      interval '1 hour', most);
end $$;

-- Removes what is older than 400 days. Returns how many rows went.
create or replace function app.drop_old_usage() returns bigint
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  oldest constant date := (now() at time zone 'UTC')::date - 400;
  days bigint;
  rollups bigint;
  sizes bigint;
begin
  delete from app.usage_days where day < oldest;
  get diagnostics days = row_count;
  delete from app.usage_rollups where span = 'day' and begins_at < oldest::timestamp at time zone 'UTC';
  get diagnostics rollups = row_count;
  delete from app.tenant_sizes where day < oldest;
  get diagnostics sizes = row_count;
  return days + rollups + sizes;
end $$;

do $$
begin
  execute format('grant execute on function app.roll_up_usage(integer) to %I', tenancy.role('operator'));
end $$;

-- What went wrong, grouped: one row for each kind of error, however often it came. No tenant's data: ids are counted and
-- values are left out before anything gets here.
create table app.error_groups (
  fingerprint text constraint error_groups_pkey primary key constraint error_groups_fingerprint check (fingerprint ~ '^[0-9a-f]{16}$'),
  -- The contract's code: what callers were answered, or would have been.
  code text not null,
  -- The name and code of what was thrown: TypeError, error 42P01.
  error text not null,
  source text not null constraint error_groups_source check (source in ('request', 'stream', 'job')),
  -- The route's id, or the job's name.
  place text not null,
  -- Turned away while at the limit or stopping: no fault of the program.
  expected boolean not null,
  message text not null,
  stack text,
  request_id text,
  version text not null,
  occurrences bigint not null constraint error_groups_occurrences check (occurrences > 0),
  -- The first 100 that met it.
  tenant_ids uuid[] not null default '{}' constraint error_groups_tenant_ids check (cardinality(tenant_ids) <= 100),
  first_seen_at timestamptz(3) not null,
  last_seen_at timestamptz(3) not null,
  resolved_at timestamptz(3),
  resolved_by text,
  reopened_at timestamptz(3)
);
create index error_groups_newest on app.error_groups (last_seen_at desc, fingerprint desc);
select tenancy.global('app.error_groups');
-- How a lost system behaved says nothing about the one that is put together anew.
update tenancy.table_classes set transient = true where table_name = 'app.error_groups'::regclass;

-- Adds what a process has counted since it last did. `lines` is a JSON array; `age` and `firstAge` are seconds since the last and the
-- first time, by a clock that nobody sets, so that times are this database's. What would be one group too many is counted in one
-- that says so.
create function app.add_errors(lines json) returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
declare
  most constant integer := 10000;
  room integer;
  line record;
  kept text;
begin
  -- One after the other: the room that is left is counted once.
  perform pg_advisory_xact_lock(7161);
  select greatest(most - count(*), 0) into room from app.error_groups;
  for line in
    select l.*, clock_timestamp() - make_interval(secs => greatest(l.age, 0)) as last_seen,
      clock_timestamp() - make_interval(secs => greatest(l."firstAge", 0)) as first_seen
    from json_to_recordset(lines) as l (fingerprint text, code text, error text, source text, place text, expected boolean, message text,
      stack text, "requestId" text, version text, occurrences bigint, "tenantIds" uuid[], age float8, "firstAge" float8)
    order by l.fingerprint
  loop
    kept := line.fingerprint;
    if not exists (select from app.error_groups g where g.fingerprint = kept) then
      if room = 0 then
        kept := '0000000000000000';
        line.code := 'internal'; line.error := 'several'; line.place := 'several'; line.stack := null; line.expected := false;
        line.message := format('more than %s kinds of error: these are not told apart', most);
      end if;
      room := greatest(room - 1, 0);
    end if;
    insert into app.error_groups as g (fingerprint, code, error, source, place, expected, message, stack, request_id, version, occurrences,
      tenant_ids, first_seen_at, last_seen_at)
    values (kept, line.code, line.error, line.source, line.place, line.expected, line.message, line.stack, line."requestId", line.version,
      line.occurrences, coalesce(line."tenantIds", '{}'), line.first_seen, line.last_seen)
    on conflict on constraint error_groups_pkey do update set
      code = excluded.code, message = excluded.message, stack = excluded.stack, version = excluded.version,
      request_id = coalesce(excluded.request_id, g.request_id), occurrences = g.occurrences + excluded.occurrences,
      tenant_ids = (select coalesce(array_agg(t.id), '{}') from (select u.id from unnest(g.tenant_ids || excluded.tenant_ids)
        with ordinality as u (id, place) group by u.id order by min(u.place) limit 100) as t),
      first_seen_at = least(g.first_seen_at, excluded.first_seen_at),
      -- A time from when the clock was ahead counts as now.
      last_seen_at = case when g.last_seen_at > clock_timestamp() then excluded.last_seen_at
        else greatest(g.last_seen_at, excluded.last_seen_at) end;
    -- What comes again after it was resolved is open again.
    update app.error_groups set resolved_at = null, resolved_by = null, reopened_at = line.last_seen
    where fingerprint = kept and (resolved_at < line.last_seen or resolved_at > clock_timestamp());
  end loop;
end $$;

-- Forgets what was last seen more than 90 days ago. Returns how many groups went.
create function app.forget_old_errors() returns bigint
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
declare
  gone bigint;
begin
  update app.error_groups set last_seen_at = now(), first_seen_at = least(first_seen_at, now()) where last_seen_at > now();
  delete from app.error_groups where last_seen_at < now() - interval '90 days';
  get diagnostics gone = row_count;
  return gone;
end $$;

-- Who read and wrote what: one row for an actor, a tenant, a route, an address and a minute. Kept when the tenant goes, like the
-- audit log; partitioned by day, so that old days leave as a whole.
create table app.access_log (
  tenant_id uuid not null,
  minute timestamptz(3) not null,
  -- overflow: requests of that minute that came from more actors, routes and addresses than are told apart.
  actor_type text not null constraint access_log_actor_type check (actor_type in ('user', 'operator', 'token', 'overflow')),
  actor_id text not null,
  actor_name text,
  -- The route's id.
  route text not null,
  address text not null,
  requests bigint not null constraint access_log_requests check (requests > 0),
  first_request_id text not null,
  last_request_id text not null,
  constraint access_log_pkey primary key (tenant_id, minute, actor_type, actor_id, route, address)
) partition by range (minute);
create index access_log_newest on app.access_log (minute);
create index access_log_by_actor on app.access_log (actor_id, minute);
create index access_log_by_address on app.access_log (address, minute);
create table app.access_log_default partition of app.access_log default;
-- Nobody who serves can write or change it: app.add_accesses adds, and nothing else.
select tenancy.retain('app.access_log', tenant_may => 'select');

-- Makes the partitions of today and the `days` after it, and of every day whose rows came while it had none: those move into it.
-- Runs as the owner of the table, so that the operator role can keep the log going.
create function tenancy.ensure_access_partitions(days integer default 7) returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp set lock_timeout = '5s' as $$
declare
  today constant date := (now() at time zone 'UTC')::date;
  day date;
  part text;
  made integer := 0;
begin
  perform pg_advisory_xact_lock(7163);
  for day in
    select today + n from generate_series(0, days) n
    union
    select distinct (d.minute at time zone 'UTC')::date from app.access_log_default d
    where d.minute >= now() - interval '91 days' and d.minute < now() + interval '1 day'
    order by 1
  loop
    part := 'access_log_' || to_char(day, 'YYYY_MM_DD');
    continue when to_regclass('app.' || part) is not null;
    execute format('create table app.%I (like app.access_log including defaults including constraints)', part);
    execute format('alter table app.%I add constraint %I primary key (tenant_id, minute, actor_type, actor_id, route, address)', part, part || '_pkey');
    execute format('with moved as (delete from app.access_log_default where minute >= %L and minute < %L returning *) insert into app.%I select * from moved',
      day::timestamp at time zone 'UTC', (day + 1)::timestamp at time zone 'UTC', part);
    execute format('alter table app.access_log attach partition app.%I for values from (%L) to (%L)',
      part, day::timestamp at time zone 'UTC', (day + 1)::timestamp at time zone 'UTC');
    made := made + 1;
  end loop;
  return made;
end $$;
select tenancy.ensure_access_partitions();

-- Adds what a process has counted since it last did, as the owner of the table, since one flush is about many tenants. `lines` is a
-- JSON array. Whose: `tenantId`, or `slug` where an operator named the tenant by it; neither is the system itself. `tokenHash`
-- (base64; of the tenant `tokenOwner`, or of an operator) is turned into the token's id and name. `age` is seconds, by a clock that nobody sets, so that minutes are this
-- database's. Row by row, since on Citus each row is another shard's.
create function app.add_accesses(lines json) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  the_system constant uuid := '00000000-0000-7000-8000-000000000000';
  line record;
  token record;
begin
  -- Processes write one after the other: each for milliseconds, and none waits for rows that wait for its own.
  perform pg_advisory_xact_lock(7162);
  for line in
    select * from json_to_recordset(lines) as l ("tenantId" uuid, slug text, "actorType" text, "actorId" text, "actorName" text,
      "tokenHash" text, "tokenOwner" uuid, route text, address text, requests bigint, "firstRequestId" text, "lastRequestId" text, age float8)
  loop
    if line."tokenHash" is not null then
      if line."tokenOwner" is null then
        select t.id, t.name into token from app.operator_tokens t where t.token_hash = decode(line."tokenHash", 'base64');
      else
        select t.id, t.name into token from app.api_tokens t
        where t.tenant_id = line."tokenOwner" and t.token_hash = decode(line."tokenHash", 'base64');
      end if;
      line."actorId" := coalesce(token.id::text, 'unknown');
      line."actorName" := token.name;
    end if;
    if line."tenantId" is null then
      if line.slug is not null then
        select t.id into line."tenantId" from app.tenants t where t.slug = line.slug order by t.purged_at desc nulls first limit 1;
      end if;
      line."tenantId" := coalesce(line."tenantId", the_system);
    end if;
    insert into app.access_log as a (tenant_id, minute, actor_type, actor_id, actor_name, route, address, requests, first_request_id,
      last_request_id)
    values (line."tenantId", date_trunc('minute', clock_timestamp() - make_interval(secs => greatest(line.age, 0))), line."actorType",
      line."actorId", line."actorName", line.route, line.address, line.requests, line."firstRequestId", line."lastRequestId")
    on conflict on constraint access_log_pkey do update set requests = a.requests + excluded.requests,
      actor_name = coalesce(excluded.actor_name, a.actor_name), last_request_id = excluded.last_request_id;
  end loop;
end $$;

-- Drops days that ended more than 90 days ago; of a tenant under a legal hold the rows stay. What a clock that was ahead has
-- written for days to come is put down as of now, so that it ages. A day that somebody is reading is left for the next time.
-- Returns how many days went.
create function app.drop_old_accesses() returns integer
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp set lock_timeout = '2s' as $$
declare
  oldest constant timestamptz := (((now() at time zone 'UTC')::date - 90)::timestamp) at time zone 'UTC';
  line app.access_log;
  part record;
  held boolean;
  dropped integer := 0;
begin
  perform pg_advisory_xact_lock(7163);
  for line in delete from app.access_log where minute > now() + interval '1 day' returning * loop
    insert into app.access_log as a values (line.tenant_id, date_trunc('minute', now()), line.actor_type, line.actor_id, line.actor_name,
      line.route, line.address, line.requests, line.first_request_id, line.last_request_id)
    on conflict on constraint access_log_pkey do update set requests = a.requests + excluded.requests;
  end loop;
  delete from app.access_log_default d where d.minute < oldest and not exists (select from app.legal_holds h where h.tenant_id = d.tenant_id);
  for part in
    select c.oid::regclass as name from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'app.access_log'::regclass and c.relname ~ '^access_log_\d{4}_\d{2}_\d{2}$'
      and to_date(right(c.relname, 10), 'YYYY_MM_DD') < (oldest at time zone 'UTC')::date
    order by c.relname
  loop
    begin
      execute format('select exists (select from %s p join app.legal_holds h on h.tenant_id = p.tenant_id)', part.name) into held;
      if held then
        execute format('delete from %s p where not exists (select from app.legal_holds h where h.tenant_id = p.tenant_id)', part.name);
      else
        execute format('drop table %s', part.name);
        dropped := dropped + 1;
      end if;
    exception when lock_not_available then
      null;
    end;
  end loop;
  return dropped;
end $$;

do $$
begin
  execute format('grant execute on function app.add_errors(json), app.forget_old_errors(), app.add_accesses(json), app.drop_old_accesses(),
    tenancy.ensure_access_partitions(integer) to %I', tenancy.role('operator'));
end $$;

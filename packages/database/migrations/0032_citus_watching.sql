-- What Citus could not run besides: functions that look something up for each row would run on the rows' shard, and may ask
-- nothing there; and rows on the nodes are not compared with what only the coordinator has.

create or replace function app.note_filling(tenant uuid) returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
declare
  item record;
begin
  perform from app.usage_counters c where c.tenant_id = tenant order by c.resource = 'storage_bytes', c.resource for update;
  for item in
    select f.resource, c.used from app.filling_quotas f
      left join app.usage_counters c on c.tenant_id = tenant and c.resource = f.resource
    where f.tenant_id = tenant and f.resource <> 'api_requests_per_day'
  loop
    if not coalesce(item.used * 2 >= app.quota_limit(tenant, item.resource), false) then
      delete from app.filling_quotas f where f.tenant_id = tenant and f.resource = item.resource;
    end if;
  end loop;
  for item in
    select c.resource, c.used from app.usage_counters c where c.tenant_id = tenant and c.used > 0
    union all select 'api_requests_per_day', d.api_requests from app.usage_days d
      where d.tenant_id = tenant and d.day = (now() at time zone 'UTC')::date and d.api_requests > 0
  loop
    if item.used * 2 >= app.quota_limit(tenant, item.resource) then
      insert into app.filling_quotas (tenant_id, resource) values (tenant, item.resource) on conflict do nothing;
    end if;
  end loop;
end $$;

create or replace function app.drop_old_accesses() returns integer
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp set lock_timeout = '2s' as $$
declare
  oldest constant timestamptz := (((now() at time zone 'UTC')::date - 90)::timestamp) at time zone 'UTC';
  held uuid[];
  line app.access_log;
  part record;
  keeps boolean;
  dropped integer := 0;
begin
  perform pg_advisory_xact_lock(7163);
  for line in delete from app.access_log where minute > now() + interval '1 day' returning * loop
    insert into app.access_log as a values (line.tenant_id, date_trunc('minute', now()), line.actor_type, line.actor_id, line.actor_name,
      line.route, line.address, line.requests, line.first_request_id, line.last_request_id)
    on conflict on constraint access_log_pkey do update set requests = a.requests + excluded.requests;
  end loop;
  held := array(select h.tenant_id from app.legal_holds h);
  delete from app.access_log_default d where d.minute < oldest and d.tenant_id <> all (held);
  for part in
    select c.oid::regclass as name from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'app.access_log'::regclass and c.relname ~ '^access_log_\d{4}_\d{2}_\d{2}$'
      and to_date(right(c.relname, 10), 'YYYY_MM_DD') < (oldest at time zone 'UTC')::date
    order by c.relname
  loop
    begin
      held := array(select h.tenant_id from app.legal_holds h);
      execute format('select exists (select from %s p where p.tenant_id = any ($1))', part.name) into keeps using held;
      if keeps then
        execute format('delete from %s p where p.tenant_id <> all ($1)', part.name) using held;
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

-- As in 0017, and on Citus row by row.
create or replace function app.append_audit_seals(seals json, heads json, register json, reached json) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  moved bigint;
  made bigint;
  item record;
begin
  update app.audit_register r set chains = n.chains, rows = n.rows, batch = n.batch, key_id = n.key_id, mac = decode(n.mac, 'hex')
  from json_to_record(register) as n(chains bigint, rows bigint, batch bigint, key_id text, mac text)
  where r.batch = n.batch - 1;
  get diagnostics moved = row_count;
  if tenancy.has_citus() then
    -- Row by row: there an INSERT … SELECT is a COPY, which row-level security refuses, and each row is another shard's.
    for item in
      select * from json_to_recordset(heads) as h(tenant_id uuid, previous bigint, sequence bigint, hash text, base_hash text, batch bigint,
        key_id text, mac text, suspect bigint)
    loop
      if item.previous is null then
        insert into app.audit_chains (tenant_id, sequence, hash, base_hash, batch, key_id, mac)
        values (item.tenant_id, item.sequence, decode(item.hash, 'hex'), decode(item.base_hash, 'hex'), item.batch, item.key_id, decode(item.mac, 'hex'));
      else
        update app.audit_chains c set sequence = item.sequence, hash = decode(item.hash, 'hex'), batch = item.batch, key_id = item.key_id,
          mac = decode(item.mac, 'hex'), suspect = coalesce(c.suspect, item.suspect)
        where c.tenant_id = item.tenant_id and c.sequence = item.previous and item.sequence > item.previous;
      end if;
      get diagnostics made = row_count;
      moved := moved + made;
    end loop;
    if moved <> 1 + json_array_length(heads) then
      perform app.refuse('edit_conflict', 'The audit log is sealed by another process at this moment.', 'It goes on by itself.');
    end if;
    for item in
      select * from json_to_recordset(seals) as s(tenant_id uuid, sequence bigint, audit_id uuid, at timestamptz, row_digest text, hash text,
        key_id text, batch bigint, not_before timestamptz, sealed_at timestamptz)
    loop
      insert into app.audit_seals (tenant_id, sequence, audit_id, at, row_digest, hash, key_id, batch, not_before, sealed_at)
      values (item.tenant_id, item.sequence, item.audit_id, item.at, decode(item.row_digest, 'hex'), decode(item.hash, 'hex'), item.key_id,
        item.batch, item.not_before, item.sealed_at);
    end loop;
    perform app.move_audit_sealer(reached);
    return;
  end if;
  insert into app.audit_chains (tenant_id, sequence, hash, base_hash, batch, key_id, mac)
  select h.tenant_id, h.sequence, decode(h.hash, 'hex'), decode(h.base_hash, 'hex'), h.batch, h.key_id, decode(h.mac, 'hex')
  from json_to_recordset(heads) as h(tenant_id uuid, previous bigint, sequence bigint, hash text, base_hash text, batch bigint, key_id text, mac text)
  where h.previous is null;
  get diagnostics made = row_count;
  moved := moved + made;
  update app.audit_chains c set sequence = h.sequence, hash = decode(h.hash, 'hex'), batch = h.batch, key_id = h.key_id,
    mac = decode(h.mac, 'hex'), suspect = coalesce(c.suspect, h.suspect)
  from json_to_recordset(heads) as h(tenant_id uuid, previous bigint, sequence bigint, hash text, batch bigint, key_id text, mac text, suspect bigint)
  where c.tenant_id = h.tenant_id and c.sequence = h.previous and h.sequence > h.previous;
  get diagnostics made = row_count;
  if moved + made <> 1 + json_array_length(heads) then
    perform app.refuse('edit_conflict', 'The audit log is sealed by another process at this moment.', 'It goes on by itself.');
  end if;
  insert into app.audit_seals (tenant_id, sequence, audit_id, at, row_digest, hash, key_id, batch, not_before, sealed_at)
  select s.tenant_id, s.sequence, s.audit_id, s.at, decode(s.row_digest, 'hex'), decode(s.hash, 'hex'), s.key_id, s.batch, s.not_before, s.sealed_at
  from json_to_recordset(seals) as s(tenant_id uuid, sequence bigint, audit_id uuid, at timestamptz, row_digest text, hash text,
    key_id text, batch bigint, not_before timestamptz, sealed_at timestamptz);
  perform app.move_audit_sealer(reached);
end $$;

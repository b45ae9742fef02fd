-- What Citus refused besides. A subquery without columns can't be carried between nodes; a sequence that nodes share can't be
-- altered; rows given as JSON are no table that a change of a distributed one is joined to.

-- As in 0011, and on Citus without keeping others from drawing.
create or replace function tenancy.raise_sequence(seq regclass, reached bigint) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  step bigint;
  last bigint;
  called boolean;
begin
  select s.seqincrement into step from pg_sequence s
  where s.seqrelid = seq and exists (
    select from pg_depend d join tenancy.table_classes t on t.table_name = d.refobjid
    where d.classid = 'pg_class'::regclass and d.objid = seq and d.refclassid = 'pg_class'::regclass and d.deptype = 'a');
  if step is null or step < 0 then
    return;
  end if;
  if not tenancy.has_citus() then
    -- Changes nothing, but keeps others from drawing.
    execute format('alter sequence %s increment by %s', seq, step);
  end if;
  execute format('select last_value, is_called from %s', seq) into last, called;
  if reached > last or (reached = last and not called) then
    -- A short way is drawn number by number, so that the step can't go back behind somebody who draws meanwhile; a long way
    -- nobody else has gone between the look and the step.
    if tenancy.has_citus() and reached - last < step::numeric * 10000 then
      while nextval(seq) < reached loop end loop;
    else
      perform setval(seq, reached);
    end if;
  end if;
end $$;

-- As in 0032, with a column.
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
      execute format('select exists (select 1 from %s p where p.tenant_id = any ($1))', part.name) into keeps using held;
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

-- As in 0017, a table at a time.
create or replace function app.audit_retention_obstacles(cutoff timestamptz) returns setof text
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
  held record;
  waiting bigint;
begin
  if cutoff <> date_trunc('month', cutoff at time zone 'UTC') at time zone 'UTC' or cutoff > now() - interval '31 days' then
    return next 'only whole months that ended a month ago or longer are dropped';
  end if;
  -- Holds are on the coordinator, the log is on its nodes: one is not joined to the other.
  for held in select h.tenant_id as id, t.slug from app.legal_holds h join app.tenants t on t.id = h.tenant_id order by t.slug loop
    if exists (select 1 from app.audit_log l where l.tenant_id = held.id and l.at < cutoff) then
      return next format('%s is under a legal hold and has rows in it', held.slug);
    end if;
  end loop;
  select count(*) into waiting from (
    select 1 from app.audit_log l where l.at < cutoff
      and not exists (select 1 from app.audit_seals s where s.tenant_id = l.tenant_id and s.at = l.at and s.audit_id = l.id) limit 1000) as unsealed;
  if waiting > 0 then
    return next format('%s%s rows in it have no seal', waiting, case waiting when 1000 then ' or more' else '' end);
  end if;
end $$;

-- As in 0017, and on Citus chain by chain.
create or replace function app.trim_audit_chains(heads json) returns bigint
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  item record;
  base bigint;
  dropped timestamptz;
  more bigint;
  gone bigint := 0;
begin
  if tenancy.has_citus() then
    select r.dropped_before into dropped from app.audit_register r;
    for item in
      select * from json_to_recordset(heads) as h(tenant_id uuid, sequence bigint, base_sequence bigint, base_hash text, key_id text, mac text)
    loop
      update app.audit_chains c set base_sequence = item.base_sequence, base_hash = decode(item.base_hash, 'hex'), key_id = item.key_id,
        mac = decode(item.mac, 'hex')
      where c.tenant_id = item.tenant_id and c.sequence = item.sequence and c.base_sequence < item.base_sequence and item.base_sequence <= c.sequence;
      select c.base_sequence into base from app.audit_chains c where c.tenant_id = item.tenant_id;
      delete from app.audit_seals s where s.tenant_id = item.tenant_id and s.sequence <= base and s.at < dropped;
      get diagnostics more = row_count;
      gone := gone + more;
    end loop;
    return gone;
  end if;
  update app.audit_chains c set base_sequence = h.base_sequence, base_hash = decode(h.base_hash, 'hex'), key_id = h.key_id, mac = decode(h.mac, 'hex')
  from json_to_recordset(heads) as h(tenant_id uuid, sequence bigint, base_sequence bigint, base_hash text, key_id text, mac text)
  where c.tenant_id = h.tenant_id and c.sequence = h.sequence and c.base_sequence < h.base_sequence and h.base_sequence <= c.sequence;
  delete from app.audit_seals s using app.audit_chains c, app.audit_register r,
    json_to_recordset(heads) as h(tenant_id uuid)
  where c.tenant_id = h.tenant_id and s.tenant_id = c.tenant_id and s.sequence <= c.base_sequence and s.at < r.dropped_before;
  get diagnostics gone = row_count;
  return gone;
end $$;

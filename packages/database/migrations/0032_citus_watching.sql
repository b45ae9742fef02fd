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

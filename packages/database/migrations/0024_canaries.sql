-- The two tenants that `tenantctl diagnose isolation` tries to get from one to the other with. They count as purged, so
-- that no list, backup, count or alert has them, and hold something only while they are tried; their own credentials work.
create function app.is_canary(tenant uuid) returns boolean
language sql immutable parallel safe
return tenant in ('00000000-0000-7000-8000-0000000000ca', '00000000-0000-7000-8000-0000000000cb');
do $$
begin
  execute format('grant execute on function app.is_canary(uuid) to %I, %I', tenancy.role('tenant'), tenancy.role('operator'));
end $$;

create or replace function app.require_serving(tenant uuid, writes boolean, absent_code text, absent_message text, absent_hint text) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  current_status text;
  own jsonb;
  systemwide jsonb;
begin
  select t.status, t.maintenance, (select s.maintenance from app.system_maintenance s)
    into current_status, own, systemwide from app.tenants t where t.id = tenant;
  case coalesce(current_status, 'absent')
    when 'active' then
      if systemwide is not null then
        perform app.refuse_maintenance('The system', systemwide, writes);
      end if;
      if own is not null then
        perform app.refuse_maintenance('This tenant', own, writes);
      end if;
    when 'suspended' then
      perform app.refuse('tenant_suspended', 'This tenant is suspended.', 'Ask your provider to reactivate it.');
    when 'cancelled' then
      perform app.refuse('tenant_cancelled', 'This tenant is cancelled.', 'Ask your provider to reactivate it.');
    else
      if not app.is_canary(tenant) then
        perform app.refuse(absent_code, absent_message, absent_hint);
      end if;
  end case;
end $$;

-- What a Citus cluster needs besides: no subselect may stand in an INSERT there.

-- Id and name of the token with this hash: of the tenant's, or of an operator's where the tenant is the system. Null: gone.
create function app.token_actor(tenant uuid, hash bytea) returns text[]
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  found_one text[];
begin
  if tenant = '00000000-0000-7000-8000-000000000000' then
    select array[t.id::text, t.name] into found_one from app.operator_tokens t where t.token_hash = hash;
  else
    select array[t.id::text, t.name] into found_one from app.api_tokens t where t.tenant_id = tenant and t.token_hash = hash;
  end if;
  return found_one;
end $$;

-- What the tenant uses of `resource`, as its counter says.
create function app.quota_used(tenant uuid, resource text) returns bigint
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  counted bigint;
begin
  select c.used into counted from app.usage_counters c where c.tenant_id = tenant and c.resource = quota_used.resource;
  return coalesce(counted, 0);
end $$;

do $$
begin
  execute format('grant execute on function app.token_actor(uuid, bytea), app.quota_used(uuid, text) to %I, %I',
    tenancy.role('tenant'), tenancy.role('operator'));
end $$;

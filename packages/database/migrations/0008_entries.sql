-- Entry checks: the first statement of every scope. They raise, since a check that merely finds no row would let the
-- statement pipelined behind it commit. The error's constraint field carries the API's error code.

create function app.refuse(code text, message text, hint text) returns void
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
begin
  raise exception using errcode = 'TN000', constraint = code, message = message, hint = hint;
end $$;

-- Refuses unless the tenant is active; what is deleted is reported as `absent_code`, so as not to tell it from what never was.
create function app.require_active(tenant uuid, absent_code text, absent_message text, absent_hint text) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  current_status text := (select t.status from app.tenants t where t.id = tenant);
begin
  case coalesce(current_status, 'absent')
    when 'active' then
      return;
    when 'suspended' then
      perform app.refuse('tenant_suspended', 'This tenant is suspended.', 'Ask your provider to reactivate it.');
    when 'cancelled' then
      perform app.refuse('tenant_cancelled', 'This tenant is cancelled.', 'Ask your provider to reactivate it.');
    else
      perform app.refuse(absent_code, absent_message, absent_hint);
  end case;
end $$;

-- The lock comes first and the state is read by a later statement: read in the same one, it would be the state from
-- before the lock was granted. Only ever called as a statement of its own.
create function app.enter_write(tenant uuid) returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
declare
  held boolean;
begin
  if not pg_try_advisory_xact_lock_shared(tenancy.lock_key(tenant)) then
    perform app.refuse('tenant_busy', 'This tenant is being deleted or restored.', 'Try again in a few seconds.');
  end if;
  select t.hold is not null into held from app.tenants t where t.id = tenant;
  if held then
    perform app.refuse('tenant_busy', 'This tenant is being deleted or restored.', 'Try again in a few seconds.');
  end if;
end $$;

create function app.read_as_user(tenant uuid, session uuid, usr uuid, role text) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
  perform app.require_active(tenant, 'session_ended', 'This session has ended.', 'Log in again.');
  perform from app.sessions s join app.users u on u.tenant_id = s.tenant_id and u.id = s.user_id
  where s.tenant_id = tenant and s.id = session and s.user_id = usr and s.ended_at is null and s.expires_at > now()
    and u.disabled_at is null and u.role = read_as_user.role;
  if not found then
    perform app.refuse('session_ended', 'This session has ended.', 'Log in again.');
  end if;
end $$;

create function app.write_as_user(tenant uuid, session uuid, usr uuid, role text) returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
begin
  perform app.enter_write(tenant);
  perform app.read_as_user(tenant, session, usr, role);
end $$;

create function app.read_as_token(tenant uuid, token_hash bytea, scope text) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  granted text[];
begin
  select t.scopes into granted from app.api_tokens t
  where t.tenant_id = tenant and t.token_hash = read_as_token.token_hash
    and t.revoked_at is null and (t.expires_at is null or t.expires_at > now());
  if not found then
    perform app.refuse('token_invalid', 'This token is unknown, revoked or expired.', 'Create another token.');
  end if;
  perform app.require_active(tenant, 'token_invalid', 'This token is unknown, revoked or expired.', 'Create another token.');
  if scope <> all (granted) then
    perform app.refuse('scope_missing', format('This token lacks the scope %s.', scope), format('Create a token with the scope %s.', scope));
  end if;
end $$;

create function app.write_as_token(tenant uuid, token_hash bytea, scope text) returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
begin
  perform app.enter_write(tenant);
  perform app.read_as_token(tenant, token_hash, scope);
end $$;

-- An operator, checked on the operator's own pool before, may enter any tenant that is there.
create function app.read_as_operator(tenant uuid) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
  perform from app.tenants t
  where t.id = tenant and t.status not in ('deleted', 'purged') and t.id <> '00000000-0000-7000-8000-000000000000';
  if not found then
    perform app.refuse('tenant_not_found', 'There is no such tenant.', 'List the tenants to see their ids and slugs.');
  end if;
end $$;

create function app.write_as_operator(tenant uuid) returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
begin
  perform app.enter_write(tenant);
  perform app.read_as_operator(tenant);
end $$;

-- An operator may export a tenant until it is purged: a soft-deleted one too.
create function app.read_as_export(tenant uuid) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
  perform from app.tenants t
  where t.id = tenant and t.status <> 'purged' and t.id <> '00000000-0000-7000-8000-000000000000';
  if not found then
    perform app.refuse('tenant_not_found', 'There is no such tenant.', 'List the tenants to see their ids and slugs.');
  end if;
end $$;

-- Background work also concerns tenants that are suspended, cancelled or softly deleted.
create function app.write_as_job(tenant uuid) returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
begin
  perform app.enter_write(tenant);
  perform from app.tenants t where t.id = tenant and t.status <> 'purged';
  if not found then
    perform app.refuse('tenant_not_found', 'There is no such tenant.', 'List the tenants to see their ids and slugs.');
  end if;
end $$;

create function app.write_as_login(tenant uuid) returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
begin
  perform app.enter_write(tenant);
  perform app.require_active(tenant, 'tenant_not_found', 'There is no such tenant.', 'Check the name of the tenant.');
end $$;

-- Creating a tenant and moving it through its lifecycle: any state may be the one before, but nobody else may be at it.
create function app.write_as_lifecycle(tenant uuid) returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
begin
  perform app.enter_write(tenant);
end $$;

create function app.operator_session(session uuid, operator uuid) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
  perform from app.operator_sessions s join app.operators o on o.id = s.operator_id
  where s.id = session and s.operator_id = operator and s.ended_at is null and s.expires_at > now() and o.disabled_at is null;
  if not found then
    perform app.refuse('session_ended', 'This session has ended.', 'Log in again.');
  end if;
end $$;

-- A token is worth as much as the operator who made it: disabling the one ends the other.
create function app.operator_token(hash bytea, scope text) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  granted text[];
begin
  select t.scopes into granted from app.operator_tokens t join app.operators o on o.id = t.created_by
  where t.token_hash = hash and t.revoked_at is null and (t.expires_at is null or t.expires_at > now()) and o.disabled_at is null;
  if not found then
    perform app.refuse('token_invalid', 'This token is unknown, revoked or expired.', 'Create another token.');
  end if;
  if scope <> all (granted) then
    perform app.refuse('scope_missing', format('This token lacks the scope %s.', scope), format('Create a token with the scope %s.', scope));
  end if;
end $$;

-- What a tenant may use of `resource`: an override in force, else its plan; null is "unlimited".
create function app.quota_limit(tenant uuid, resource text) returns bigint
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  allowed bigint;
begin
  select o.quota_limit into allowed from app.quota_overrides o
  where o.tenant_id = tenant and o.resource = quota_limit.resource and (o.expires_at is null or o.expires_at > now());
  if found then
    return allowed;
  end if;
  select case quota_limit.resource
    when 'users' then p.users_limit
    when 'customers' then p.customers_limit
    when 'storage_bytes' then p.storage_bytes_limit
    when 'api_requests_per_day' then p.api_requests_per_day_limit
  end into allowed
  from app.tenants t join app.plans p on p.name = t.plan where t.id = tenant;
  return allowed;
end $$;

-- Adds `amount` (or takes it away) from what the tenant uses, in the transaction that makes the change, and refuses what goes
-- over the limit. The row's lock makes parallel creators pass one after the other. Returns what is used now.
create function app.use_quota(tenant uuid, resource text, amount bigint) returns bigint
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
declare
  now_used bigint;
  allowed bigint;
begin
  insert into app.usage_counters as c (tenant_id, resource, used) values (tenant, use_quota.resource, greatest(amount, 0))
  on conflict on constraint usage_counters_pkey do update set used = greatest(c.used + amount, 0)
  returning c.used into now_used;
  if amount > 0 then
    allowed := app.quota_limit(tenant, use_quota.resource);
    if now_used > allowed then
      raise exception using errcode = 'TN000', constraint = 'quota_exceeded',
        message = format('The quota of %s %s is reached.', allowed, replace(use_quota.resource, '_', ' ')),
        detail = jsonb_build_object('resource', use_quota.resource, 'used', now_used - amount, 'limit', allowed)::text,
        hint = 'Upgrade the plan, have an operator increase the quota, or reduce what is used.';
    end if;
  end if;
  return now_used;
end $$;

do $$
declare
  name regprocedure;
begin
  for name in
    select p.oid::regprocedure from pg_proc p where p.pronamespace = 'app'::regnamespace
      and p.proname not in ('operator_session', 'operator_token', 'write_as_lifecycle')
  loop
    execute format('grant execute on function %s to %I', name, tenancy.role('tenant'));
  end loop;
  for name in
    select p.oid::regprocedure from pg_proc p where p.pronamespace = 'app'::regnamespace
      and p.proname in ('refuse', 'enter_write', 'require_active', 'operator_session', 'operator_token', 'read_as_operator', 'read_as_export',
        'write_as_operator', 'write_as_job', 'write_as_lifecycle', 'quota_limit', 'use_quota')
  loop
    execute format('grant execute on function %s to %I', name, tenancy.role('operator'));
  end loop;
end $$;

-- Maintenance: tenants are refused, all of them or one, or only their changes are; operators go on working. The entry
-- checks ask for it in the statement that reads the tenant's status, so that it holds from the very next request on.

-- { mode, reason, startedAt, endsAt, setBy }; null: none. Tenants may read it: it is what they are told.
create table app.system_maintenance (
  single boolean default true constraint system_maintenance_pkey primary key constraint system_maintenance_single check (single),
  maintenance jsonb
);
select tenancy.global('app.system_maintenance', tenant_may => 'select');
select tenancy.distribute('app.system_maintenance', by_tenant => false);
insert into app.system_maintenance default values;
-- A rebuilt system is in no maintenance.
update tenancy.table_classes set transient = true where table_name = 'app.system_maintenance'::regclass;

alter table app.tenants add column maintenance jsonb;
create index tenants_in_maintenance on app.tenants (slug) where maintenance is not null;

-- Whether it stands: not any more once its end has passed.
create function app.maintenance_stands(maintenance jsonb) returns boolean
language sql stable parallel safe
return maintenance is not null and coalesce((maintenance ->> 'endsAt')::timestamptz > now(), true);

create function app.refuse_maintenance(whose text, maintenance jsonb, writes boolean) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  read_only boolean := maintenance ->> 'mode' = 'read_only';
  ends_at timestamptz := (maintenance ->> 'endsAt')::timestamptz;
begin
  if (read_only and not writes) or not app.maintenance_stands(maintenance) then
    return;
  end if;
  raise exception using errcode = 'TN000', constraint = 'maintenance',
    message = concat(whose, ' is in maintenance', case when read_only then ' and takes no changes' end, ': ' || (maintenance ->> 'reason'), '.'),
    -- A known end is not waited for in one go: it may come earlier.
    detail = jsonb_build_object('retryAfter',
      case when ends_at is null then 60 else least(greatest(ceil(extract(epoch from ends_at - now())), 1), 600) end)::text,
    hint = case when ends_at is null then 'Try again in a minute.'
      else format('It ends by %s UTC; try again then.', to_char(ends_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI')) end;
end $$;

-- Refuses unless the tenant is active and not in maintenance; what is deleted is reported as `absent_code`, so as not to tell
-- it from what never was. `writes`: the caller is about to change something.
create function app.require_serving(tenant uuid, writes boolean, absent_code text, absent_message text, absent_hint text) returns void
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
      perform app.refuse(absent_code, absent_message, absent_hint);
  end case;
end $$;

-- The checks of tenants' own credentials take one more word, which processes of the version before leave out.
drop function app.read_as_user(uuid, uuid, uuid, text);
create function app.read_as_user(tenant uuid, session uuid, usr uuid, role text, writes boolean default false) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
  perform app.require_serving(tenant, writes, 'session_ended', 'This session has ended.', 'Log in again.');
  perform from app.sessions s join app.users u on u.tenant_id = s.tenant_id and u.id = s.user_id
  where s.tenant_id = tenant and s.id = session and s.user_id = usr and s.ended_at is null and s.expires_at > now()
    and u.disabled_at is null and u.role = read_as_user.role;
  if not found then
    perform app.refuse('session_ended', 'This session has ended.', 'Log in again.');
  end if;
end $$;

-- `records`: what is written is about the access itself (a logout, an export's audit row) and goes on in read-only maintenance.
drop function app.write_as_user(uuid, uuid, uuid, text);
create function app.write_as_user(tenant uuid, session uuid, usr uuid, role text, records boolean default false) returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
begin
  perform app.enter_write(tenant);
  perform app.read_as_user(tenant, session, usr, role, not records);
end $$;

drop function app.read_as_token(uuid, bytea, text);
create function app.read_as_token(tenant uuid, token_hash bytea, scope text, writes boolean default false) returns void
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
  perform app.require_serving(tenant, writes, 'token_invalid', 'This token is unknown, revoked or expired.', 'Create another token.');
  if scope <> all (granted) then
    perform app.refuse('scope_missing', format('This token lacks the scope %s.', scope), format('Create a token with the scope %s.', scope));
  end if;
end $$;

drop function app.write_as_token(uuid, bytea, text);
create function app.write_as_token(tenant uuid, token_hash bytea, scope text, records boolean default false) returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
begin
  perform app.enter_write(tenant);
  perform app.read_as_token(tenant, token_hash, scope, not records);
end $$;

-- Logging in writes nothing but a session: in read-only maintenance people can still come and read.
create or replace function app.write_as_login(tenant uuid) returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
begin
  perform app.enter_write(tenant);
  perform app.require_serving(tenant, false, 'tenant_not_found', 'There is no such tenant.', 'Check the name of the tenant.');
end $$;

drop function app.require_active(uuid, text, text, text);

-- What operators did that nobody else writes down. Beside it the change log shows what the audit log has.
create table app.changelog_entries (
  id uuid constraint changelog_entries_pkey primary key,
  -- When it happened, which may be long before it was written down.
  at timestamptz(3) not null default now(),
  change text not null constraint changelog_entries_change check (length(change) between 1 and 500),
  about_tenant uuid,
  operator text not null,
  created_at timestamptz(3) not null default now()
);
create index changelog_entries_newest on app.changelog_entries (at desc, id desc);
select tenancy.global('app.changelog_entries');

-- What operators changed is a small part of the log; the query says the same words.
create index audit_log_changes on app.audit_log (at desc, id desc)
  where outcome = 'success' and resource_type in ('tenant', 'quota', 'plan', 'operator', 'token', 'contact', 'alert_rule', 'alert', 'maintenance', 'incident', 'operation', 'audit_log', 'system') and action not in ('export', 'backup');

do $$
declare
  name regprocedure;
begin
  for name in
    select p.oid::regprocedure from pg_proc p where p.pronamespace = 'app'::regnamespace
      and p.proname in ('maintenance_stands', 'refuse_maintenance', 'require_serving', 'read_as_user', 'write_as_user', 'read_as_token', 'write_as_token')
  loop
    execute format('grant execute on function %s to %I', name, tenancy.role('tenant'));
  end loop;
  execute format('grant execute on function app.maintenance_stands(jsonb) to %I', tenancy.role('operator'));
end $$;

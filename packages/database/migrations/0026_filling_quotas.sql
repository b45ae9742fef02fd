-- Looking for full quotas costs what there is of them, not what there is of tenants; and counters are compared with what is there.

-- Quotas of which half is used or more, noted by whoever crosses the half: all that are near their limit are among them. One
-- that fell below stays until its tenant is looked at.
create table app.filling_quotas (
  tenant_id uuid not null,
  resource text not null
    constraint filling_quotas_resource check (resource in ('users', 'customers', 'storage_bytes', 'api_requests_per_day')),
  constraint filling_quotas_pkey primary key (tenant_id, resource)
);
select tenancy.protect('app.filling_quotas', transient => true);

-- The limits of these change by themselves; operators make few.
create index quota_overrides_ending on app.quota_overrides (tenant_id, resource) where expires_at is not null;

-- Counters that are not what was counted; gone once they are mended.
create table app.quota_drift (
  tenant_id uuid not null,
  resource text not null constraint quota_drift_resource check (resource in ('users', 'customers', 'storage_bytes')),
  counter bigint not null,
  counted bigint not null,
  found_at timestamptz(3) not null default now(),
  seen_at timestamptz(3) not null default now(),
  constraint quota_drift_pkey primary key (tenant_id, resource)
);
select tenancy.protect('app.quota_drift', transient => true);

-- How far the hourly look has come: through the changes, and through all tenants in the order of their ids.
create table app.quota_round (
  single boolean not null default true constraint quota_round_pkey primary key constraint quota_round_single check (single),
  changes_until timestamptz(3),
  after_tenant uuid,
  -- When it last had been through all.
  completed_at timestamptz(3)
);
select tenancy.global('app.quota_round');
update tenancy.table_classes set transient = true where table_name = 'app.quota_round'::regclass;

-- When backups were last proven, without a look at each tenant.
create index backup_facts_verified on app.backup_facts (last_verified_at) where last_verified_at is not null;
create index backup_facts_drilled on app.backup_facts (last_drilled_at) where last_drilled_at is not null;

create or replace function app.use_quota(tenant uuid, resource text, amount bigint) returns bigint
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
    if now_used * 2 >= allowed and (now_used - amount) * 2 < allowed then
      insert into app.filling_quotas (tenant_id, resource) values (tenant, use_quota.resource) on conflict do nothing;
    end if;
  end if;
  return now_used;
end $$;

-- Notes anew which quotas of a tenant fill: after its limits or its counters were changed other than by use_quota. The lock on
-- the counters, in everybody's order, keeps out who would cross the half meanwhile.
create function app.note_filling(tenant uuid) returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
begin
  perform from app.usage_counters c where c.tenant_id = tenant order by c.resource = 'storage_bytes', c.resource for update;
  delete from app.filling_quotas f where f.tenant_id = tenant and f.resource <> 'api_requests_per_day' and not exists (
    select from app.usage_counters c where c.tenant_id = tenant and c.resource = f.resource
      and c.used * 2 >= app.quota_limit(tenant, c.resource));
  insert into app.filling_quotas (tenant_id, resource)
  select tenant, k.resource from (
    select c.resource, c.used from app.usage_counters c where c.tenant_id = tenant and c.used > 0
    union all select 'api_requests_per_day', d.api_requests from app.usage_days d
      where d.tenant_id = tenant and d.day = (now() at time zone 'UTC')::date and d.api_requests > 0) k
  where k.used * 2 >= app.quota_limit(tenant, k.resource)
  on conflict do nothing;
end $$;

-- The same for all tenants of a plan whose limits were changed; only adds. They are not known to whoever changes a plan, and
-- the operator role writes in one tenant at a time, so this runs as their owner.
create function app.note_filling_of_plan(plan_name text) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  insert into app.filling_quotas (tenant_id, resource)
  select c.tenant_id, c.resource from app.plans p join app.tenants t on t.plan = p.name
    join app.usage_counters c on c.tenant_id = t.id
  where p.name = plan_name and c.used > 0 and c.used * 2 >= case c.resource when 'users' then p.users_limit
    when 'customers' then p.customers_limit when 'storage_bytes' then p.storage_bytes_limit end
  on conflict do nothing;
  insert into app.filling_quotas (tenant_id, resource)
  select d.tenant_id, 'api_requests_per_day' from app.plans p join app.tenants t on t.plan = p.name
    join app.usage_days d on d.tenant_id = t.id
  where p.name = plan_name and d.day = (now() at time zone 'UTC')::date and d.api_requests * 2 >= p.api_requests_per_day_limit
  on conflict do nothing;
end $$;

do $$
begin
  execute format('grant execute on function app.note_filling(uuid) to %I, %I', tenancy.role('tenant'), tenancy.role('operator'));
  execute format('grant execute on function app.note_filling_of_plan(text) to %I', tenancy.role('operator'));
end $$;

select app.note_filling_of_plan(p.name) from app.plans p;
insert into app.filling_quotas (tenant_id, resource)
select o.tenant_id, o.resource from app.quota_overrides o join app.usage_counters c on c.tenant_id = o.tenant_id and c.resource = o.resource
where c.used * 2 >= o.quota_limit
on conflict do nothing;

insert into app.alert_rules
  (name, metric, about, threshold, critical_threshold, hands_over_at, hold_seconds, clear_after_seconds, severity, notify, escalate_after_seconds)
values
  ('quota_drift', 'quota_drift', 'A counter that a quota is checked by is not what was counted', 1, null, null, 0, 0, 'warning', '{on_call}', null);
update app.alert_rules r set shipped = to_jsonb(r) - array['name', 'shipped', 'updated_at', 'updated_by'] where name = 'quota_drift';

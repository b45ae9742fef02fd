-- What a create counts, by one function instead of two.

-- Refuses what has gone over its limit, and notes a quota that fills. `allowed` may be null: unlimited.
create function app.judge_use(tenant uuid, resource text, amount bigint, now_used bigint, allowed bigint) returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
begin
  if now_used > allowed then
    raise exception using errcode = 'TN000', constraint = 'quota_exceeded',
      message = format('The quota of %s %s is reached.', allowed, replace(resource, '_', ' ')),
      detail = jsonb_build_object('resource', resource, 'used', now_used - amount, 'limit', allowed)::text,
      hint = 'Upgrade the plan, have an operator increase the quota, or reduce what is used.';
  end if;
  if now_used * 2 >= allowed and (now_used - amount) * 2 < allowed then
    insert into app.filling_quotas (tenant_id, resource) values (tenant, judge_use.resource) on conflict do nothing;
  end if;
end $$;

create or replace function app.use_quota(tenant uuid, resource text, amount bigint) returns bigint
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
declare
  now_used bigint;
begin
  insert into app.usage_counters as c (tenant_id, resource, used) values (tenant, use_quota.resource, greatest(amount, 0))
  on conflict on constraint usage_counters_pkey do update set used = greatest(c.used + amount, 0)
  returning c.used into now_used;
  if amount > 0 then
    perform app.judge_use(tenant, resource, amount, now_used, app.quota_limit(tenant, resource));
  end if;
  return now_used;
end $$;

-- One more of `resource`, users or customers, that weighs `bytes`: both counters in everybody's order, both limits in one look.
create function app.use_one(tenant uuid, resource text, bytes bigint) returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
declare
  uses bigint;
  weighs bigint;
  most_uses bigint;
  most_bytes bigint;
begin
  update app.usage_counters c set used = c.used + 1
  where c.tenant_id = tenant and c.resource = use_one.resource returning c.used into uses;
  if not found then
    uses := app.use_quota(tenant, resource, 1);
  end if;
  update app.usage_counters c set used = c.used + bytes
  where c.tenant_id = tenant and c.resource = 'storage_bytes' returning c.used into weighs;
  if not found then
    weighs := app.use_quota(tenant, 'storage_bytes', bytes);
  end if;
  select case when o.tenant_id is not null then o.quota_limit when use_one.resource = 'users' then p.users_limit else p.customers_limit end,
    case when b.tenant_id is not null then b.quota_limit else p.storage_bytes_limit end
  into most_uses, most_bytes
  from app.tenants t join app.plans p on p.name = t.plan
    left join app.quota_overrides o on o.tenant_id = tenant and o.resource = use_one.resource
      and (o.expires_at is null or o.expires_at > now())
    left join app.quota_overrides b on b.tenant_id = tenant and b.resource = 'storage_bytes'
      and (b.expires_at is null or b.expires_at > now())
  where t.id = tenant;
  -- Most have room: whoever has not learns why, and whoever comes near it is noted.
  if uses * 2 >= most_uses then
    perform app.judge_use(tenant, resource, 1, uses, most_uses);
  end if;
  if weighs * 2 >= most_bytes then
    perform app.judge_use(tenant, 'storage_bytes', bytes, weighs, most_bytes);
  end if;
end $$;

do $$
begin
  execute format('grant execute on function app.judge_use(uuid, text, bigint, bigint, bigint), app.use_one(uuid, text, bigint) to %I, %I',
    tenancy.role('tenant'), tenancy.role('operator'));
end $$;

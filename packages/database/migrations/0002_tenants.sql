create table app.plans (
  name text constraint plans_pkey primary key constraint plans_name check (name ~ '^[a-z0-9]+(-[a-z0-9]+)*$' and length(name) <= 63),
  display_name text not null,
  -- In every limit null is "unlimited".
  users_limit bigint constraint plans_users_limit check (users_limit >= 0),
  customers_limit bigint constraint plans_customers_limit check (customers_limit >= 0),
  storage_bytes_limit bigint constraint plans_storage_bytes_limit check (storage_bytes_limit >= 0),
  api_requests_per_day_limit bigint constraint plans_api_requests_per_day_limit check (api_requests_per_day_limit >= 0),
  requests_per_minute integer constraint plans_requests_per_minute check (requests_per_minute > 0),
  updated_at timestamptz(3) not null default now()
);
select tenancy.global('app.plans', tenant_may => 'select');
select tenancy.distribute('app.plans', by_tenant => false);

insert into app.plans (name, display_name, users_limit, customers_limit, storage_bytes_limit, api_requests_per_day_limit, requests_per_minute) values
  ('basic', 'Basic', 5, 1000, 1073741824, 50000, 600),
  ('pro', 'Pro', 50, 100000, 53687091200, 1000000, 3000),
  ('enterprise', 'Enterprise', null, null, null, null, 12000);

create table app.tenants (
  id uuid constraint tenants_pkey primary key,
  slug text not null constraint tenants_slug_form check (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$' and length(slug) between 2 and 63),
  name text not null constraint tenants_name_length check (length(name) between 1 and 200),
  status text not null default 'active'
    constraint tenants_status check (status in ('active', 'suspended', 'cancelled', 'deleted', 'purged')),
  plan text not null,
  contact_email text constraint tenants_contact_email check (contact_email = lower(contact_email)),
  status_reason text,
  status_changed_at timestamptz(3) not null default now(),
  -- What undelete goes back to.
  previous_status text constraint tenants_previous_status check (previous_status in ('active', 'suspended', 'cancelled')),
  created_at timestamptz(3) not null default now(),
  updated_at timestamptz(3) not null default now(),
  deleted_at timestamptz(3),
  purge_at timestamptz(3),
  purged_at timestamptz(3),
  -- Set and committed before a hard delete or an in-place restore takes the tenant's lock: writers refuse while it stands.
  hold jsonb,
  constraint tenants_deleted check ((status in ('deleted', 'purged')) = (deleted_at is not null)),
  constraint tenants_purged check ((status = 'purged') = (purged_at is not null))
);
create unique index tenants_slug on app.tenants (slug) where status <> 'purged';
create index tenants_newest on app.tenants (created_at desc, id desc);
create index tenants_by_status on app.tenants (status, created_at desc, id desc);
create index tenants_by_plan on app.tenants (plan, created_at desc, id desc);
create index tenants_slug_search on app.tenants (slug text_pattern_ops);
create index tenants_name_search on app.tenants (lower(name) text_pattern_ops);
create index tenants_to_purge on app.tenants (purge_at) where status = 'deleted';

-- The registry is a class of one: each tenant sees its own row, operators see all and change the one whose context is set.
select tenancy.take('app.tenants');
select tenancy.classify('app.tenants', 'registry', '{}', false);
select tenancy.distribute('app.tenants', by_tenant => false);
select tenancy.seal('app.tenants', 'id');
select tenancy.grant_roles('app.tenants', 'select', 'select, insert, update');
alter table app.tenants add constraint tenants_plan foreign key (plan) references app.plans (name);

-- Rows about no tenant (an operator's login, a plan changed) carry this id, since a null would fail every policy.
insert into app.tenants (id, slug, name, plan) values ('00000000-0000-7000-8000-000000000000', 'system', 'System', 'enterprise');

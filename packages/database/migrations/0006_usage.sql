create table app.quota_overrides (
  tenant_id uuid not null,
  resource text not null
    constraint quota_overrides_resource check (resource in ('users', 'customers', 'storage_bytes', 'api_requests_per_day')),
  -- Null is "unlimited".
  quota_limit bigint constraint quota_overrides_quota_limit check (quota_limit >= 0),
  reason text not null,
  expires_at timestamptz(3),
  set_by jsonb not null,
  created_at timestamptz(3) not null default now(),
  constraint quota_overrides_pkey primary key (tenant_id, resource)
);
select tenancy.protect('app.quota_overrides', tenant_may => 'select');
alter table app.quota_overrides add constraint quota_overrides_tenant foreign key (tenant_id) references app.tenants (id);

-- Kept by the transaction that makes the change, under the row's lock: that is what makes a limit hold.
create table app.usage_counters (
  tenant_id uuid not null,
  resource text not null,
  used bigint not null default 0 constraint usage_counters_used check (used >= 0),
  counted_at timestamptz(3) not null default now(),
  constraint usage_counters_pkey primary key (tenant_id, resource)
);
select tenancy.protect('app.usage_counters');
alter table app.usage_counters add constraint usage_counters_tenant foreign key (tenant_id) references app.tenants (id);

create table app.usage_minutes (
  tenant_id uuid not null,
  minute timestamptz(3) not null,
  route_group text not null default '',
  requests bigint not null default 0,
  errors bigint not null default 0,
  client_errors bigint not null default 0,
  -- How many requests fell into each latency bucket: buckets add up over time and tenants, percentiles would not.
  latency_buckets bigint[] not null default '{}',
  rows bigint not null default 0,
  bytes bigint not null default 0,
  constraint usage_minutes_pkey primary key (tenant_id, minute, route_group)
);
create index usage_minutes_by_minute on app.usage_minutes (minute);
select tenancy.retain('app.usage_minutes', tenant_may => 'select, insert, update');

create table app.usage_days (
  tenant_id uuid not null,
  day date not null,
  api_requests bigint not null default 0,
  constraint usage_days_pkey primary key (tenant_id, day)
);
create index usage_days_by_day on app.usage_days (day);
select tenancy.retain('app.usage_days', tenant_may => 'select, insert, update');

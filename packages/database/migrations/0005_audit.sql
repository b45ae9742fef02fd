-- Who did what, kept when the tenant goes; partitioned by month so that old months leave as a whole.
create table app.audit_log (
  tenant_id uuid not null,
  at timestamptz(3) not null default now(),
  id uuid not null,
  action text not null,
  resource_type text not null,
  resource_id text,
  outcome text not null constraint audit_log_outcome check (outcome in ('success', 'failure', 'denied')),
  actor_type text not null constraint audit_log_actor_type check (actor_type in ('user', 'operator', 'token', 'system', 'local', 'anonymous')),
  actor_id text,
  actor_name text,
  address text,
  request_id text,
  -- Refusals are folded per actor, address and minute before they are written: the log has no updates.
  occurrences integer not null default 1 constraint audit_log_occurrences check (occurrences > 0),
  detail text,
  details_digest bytea,
  constraint audit_log_pkey primary key (tenant_id, at, id)
) partition by range (at);
create index audit_log_newest on app.audit_log (at desc, id desc);
create index audit_log_by_action on app.audit_log (tenant_id, action, at desc, id desc);
create index audit_log_by_resource on app.audit_log (tenant_id, resource_type, resource_id, at desc);
create table app.audit_log_default partition of app.audit_log default;
select tenancy.retain('app.audit_log');

-- Makes the partitions of this month and the `months` after it. Rows that came while a month had none move out of the
-- default partition into it. Runs as the owner of the table, so that the operator role can keep the log going.
create function tenancy.ensure_audit_partitions(months integer default 12) returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  start_of_month timestamptz;
  end_of_month timestamptz;
  part text;
  made integer := 0;
begin
  perform pg_advisory_xact_lock(7062);
  for month in 0..months loop
    -- Months are UTC whatever the session's zone is.
    start_of_month := (date_trunc('month', now() at time zone 'UTC') + make_interval(months => month)) at time zone 'UTC';
    end_of_month := (date_trunc('month', now() at time zone 'UTC') + make_interval(months => month + 1)) at time zone 'UTC';
    part := 'audit_log_' || to_char(start_of_month at time zone 'UTC', 'YYYY_MM');
    continue when to_regclass('app.' || part) is not null;
    execute format('create table app.%I (like app.audit_log including defaults including constraints)', part);
    execute format('alter table app.%I add constraint %I primary key (tenant_id, at, id)', part, part || '_pkey');
    execute format('with moved as (delete from app.audit_log_default where at >= %L and at < %L returning *) insert into app.%I select * from moved',
      start_of_month, end_of_month, part);
    execute format('alter table app.audit_log attach partition app.%I for values from (%L) to (%L)', part, start_of_month, end_of_month);
    made := made + 1;
  end loop;
  return made;
end $$;
select tenancy.ensure_audit_partitions();

-- What changed, in full: tenant data, so it goes with the tenant; the log keeps its digest.
create table app.audit_details (
  tenant_id uuid not null,
  audit_id uuid not null,
  at timestamptz(3) not null default now(),
  before jsonb,
  after jsonb,
  constraint audit_details_pkey primary key (tenant_id, audit_id)
);
select tenancy.protect('app.audit_details', tenant_may => 'select, insert');
alter table app.audit_details add constraint audit_details_tenant foreign key (tenant_id) references app.tenants (id);

do $$
begin
  execute format('grant execute on function tenancy.ensure_audit_partitions(integer) to %I', tenancy.role('operator'));
end $$;

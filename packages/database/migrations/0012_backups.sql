-- What hosts report of their backup, verify and drill runs, and what follows from it for each tenant.

-- At most one row: the lock that one backup run holds at a time. It ends by this database's clock.
create table app.backup_lease (
  single boolean not null default true constraint backup_lease_pkey primary key constraint backup_lease_single check (single),
  id uuid not null,
  holder text not null,
  acquired_at timestamptz(3) not null,
  expires_at timestamptz(3) not null
);
select tenancy.global('app.backup_lease');
-- A rebuilt system must not wait for a run of the lost one.
update tenancy.table_classes set transient = true where table_name = 'app.backup_lease'::regclass;

create table app.backup_runs (
  kind text not null constraint backup_runs_kind check (kind in ('backup', 'verify', 'drill')),
  run_id text not null,
  repository text not null,
  host text not null,
  started_at timestamptz(3) not null,
  finished_at timestamptz(3),
  exit_code bigint,
  -- Sums of its items, kept beside them so that a list of runs reads no items.
  ok bigint not null default 0,
  failed bigint not null default 0,
  bytes bigint not null default 0,
  constraint backup_runs_pkey primary key (kind, run_id)
);
create index backup_runs_newest on app.backup_runs (started_at desc, kind desc, run_id desc);
select tenancy.global('app.backup_runs');

-- One tenant in a run; the system archive stands under the system tenant. No foreign key to tenants: what backups hold of
-- one outlives it.
create table app.backup_items (
  kind text not null,
  run_id text not null,
  tenant_id uuid not null,
  -- gone: the tenant was deleted during the run, or its file was pruned since.
  outcome text not null constraint backup_items_outcome check (outcome in ('ok', 'failed', 'gone')),
  snapshot_at timestamptz(3),
  bytes bigint,
  sha256 text,
  seconds float8,
  error text,
  -- Which fact it speaks for: of a backup the moment it holds, of the others when the run began.
  at timestamptz(3) not null,
  constraint backup_items_pkey primary key (kind, run_id, tenant_id),
  constraint backup_items_run foreign key (kind, run_id) references app.backup_runs (kind, run_id) on delete cascade
);
create index backup_items_of_tenant on app.backup_items (tenant_id, kind, at desc) where outcome = 'ok';
select tenancy.global('app.backup_items');

-- Kept when the tenant is purged: they stay true.
create table app.backup_facts (
  tenant_id uuid constraint backup_facts_pkey primary key,
  last_backup_at timestamptz(3),
  last_backup_bytes bigint,
  last_verified_at timestamptz(3),
  last_drilled_at timestamptz(3)
);
select tenancy.global('app.backup_facts');

-- Tenants that may be neither purged nor hard deleted. A purged one can be held too, for its backups.
create table app.legal_holds (
  tenant_id uuid constraint legal_holds_pkey primary key,
  reason text not null,
  set_by text not null,
  set_at timestamptz(3) not null default now()
);
select tenancy.global('app.legal_holds');

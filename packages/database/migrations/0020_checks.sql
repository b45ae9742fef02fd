-- The operator's checklists: what each run of one found, and who looked at it. And the history that growth and capacity are
-- judged by, a row per day and per hour for the whole system.

create table app.check_runs (
  id uuid constraint check_runs_pkey primary key,
  cadence text not null constraint check_runs_cadence check (cadence in ('daily', 'weekly', 'monthly')),
  -- From when on it looked: when the run before began, and at least one cadence back.
  since timestamptz(3) not null,
  started_at timestamptz(3) not null,
  finished_at timestamptz(3) not null default now(),
  run_by text,
  items jsonb not null,
  -- What charts are drawn from.
  figures jsonb not null default '[]',
  signed_off_at timestamptz(3),
  signed_off_by text,
  note text,
  constraint check_runs_signed_off check ((signed_off_at is null) = (signed_off_by is null))
);
create index check_runs_newest on app.check_runs (started_at desc, id desc);
create index check_runs_of_cadence on app.check_runs (cadence, started_at desc, id desc);
select tenancy.global('app.check_runs');

-- Null: it could not be seen.
create table app.daily_facts (
  day date constraint daily_facts_pkey primary key,
  tenants bigint not null,
  users bigint not null,
  customers bigint not null,
  -- Of all tenants, as they were last counted.
  rows bigint,
  bytes bigint not null,
  database_bytes bigint not null,
  -- The most that were open at once when somebody looked, of so many.
  connections integer not null,
  connections_limit integer not null,
  -- Of the fullest disk under the database or a data folder.
  disk_bytes bigint,
  disk_limit_bytes bigint,
  read_at timestamptz(3) not null default now()
);
select tenancy.global('app.daily_facts');

create table app.hourly_requests (
  hour timestamptz(3) constraint hourly_requests_pkey primary key,
  requests bigint not null,
  errors bigint not null
);
select tenancy.global('app.hourly_requests');

-- What the weekly review asks for is a small part of the log; the query says the same words.
create index audit_log_to_review on app.audit_log (at)
  where action in ('export', 'delete', 'restore', 'import', 'drop') and resource_type in ('tenant', 'audit_log', 'system');

-- Counted from when the system was made where a checklist was never run.
insert into app.alert_rules
  (name, metric, about, threshold, critical_threshold, hands_over_at, hold_seconds, clear_after_seconds, severity, notify, escalate_after_seconds)
values
  ('check_overdue', 'check_overdue', 'A checklist was not run: the daily one for 30 hours, the weekly one for 8 days, the monthly one for 33 days', 0, null, null, 0, 0, 'warning', '{on_call}', null);
update app.alert_rules r set shipped = to_jsonb(r) - array['name', 'shipped', 'updated_at', 'updated_by'] where name = 'check_overdue';

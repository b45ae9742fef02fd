-- Long work an operator asked for: planned, running, or how it ended.
create table app.operations (
  id uuid constraint operations_pkey primary key,
  kind text not null,
  tenant_id uuid,
  tenant_slug text,
  status text not null default 'queued'
    constraint operations_status check (status in ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
  plan jsonb,
  progress jsonb,
  result jsonb,
  error jsonb,
  requested_by jsonb not null,
  created_at timestamptz(3) not null default now(),
  started_at timestamptz(3),
  finished_at timestamptz(3),
  heartbeat_at timestamptz(3)
);
create index operations_newest on app.operations (created_at desc, id desc);
create index operations_by_tenant on app.operations (tenant_id, created_at desc);
create index operations_unfinished on app.operations (status) where status in ('queued', 'running');
select tenancy.global('app.operations');

create table app.alerts (
  id uuid constraint alerts_pkey primary key,
  rule text not null,
  tenant_id uuid,
  fingerprint text not null,
  severity text not null constraint alerts_severity check (severity in ('info', 'warning', 'critical')),
  status text not null default 'open' constraint alerts_status check (status in ('open', 'acknowledged', 'resolved')),
  summary text not null,
  evidence jsonb not null default '{}',
  next_step text not null,
  opened_at timestamptz(3) not null default now(),
  acknowledged_at timestamptz(3),
  acknowledged_by text,
  note text,
  resolved_at timestamptz(3),
  last_seen_at timestamptz(3) not null default now()
);
-- One fact is one alert until it is resolved, however often its rule fires.
create unique index alerts_unresolved on app.alerts (fingerprint) where status <> 'resolved';
create index alerts_newest on app.alerts (opened_at desc, id desc);
create index alerts_by_tenant on app.alerts (tenant_id, opened_at desc);
select tenancy.global('app.alerts');

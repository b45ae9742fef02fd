-- What is watched, from when on it is an alert, and whom it concerns. The metrics themselves are the program's.
create table app.alert_rules (
  name text constraint alert_rules_pkey primary key constraint alert_rules_name check (name ~ '^[a-z][a-z0-9_]{0,62}$'),
  -- One of the program's metrics. Another version's rule may name one that this one lacks: it is shown as broken.
  metric text not null,
  about text not null,
  threshold float8 not null,
  -- From here on the alert is critical, whatever `severity` says.
  critical_threshold float8,
  -- From here on another rule speaks instead of this one.
  hands_over_at float8,
  hold_seconds integer not null default 0 constraint alert_rules_hold_seconds check (hold_seconds >= 0),
  clear_after_seconds integer not null default 300 constraint alert_rules_clear_after_seconds check (clear_after_seconds >= 0),
  severity text not null constraint alert_rules_severity check (severity in ('info', 'warning', 'critical')),
  notify text[] not null default '{on_call}'
    constraint alert_rules_notify check (notify <@ array['on_call', 'escalation', 'emergency', 'security']),
  -- Null: never.
  escalate_after_seconds integer constraint alert_rules_escalate_after_seconds check (escalate_after_seconds > 0),
  enabled boolean not null default true,
  -- The values it came with, to go back to; null for a rule that an operator made.
  shipped jsonb,
  updated_at timestamptz(3) not null default now(),
  updated_by text
);
select tenancy.global('app.alert_rules');

insert into app.alert_rules
  (name, metric, about, threshold, critical_threshold, hands_over_at, hold_seconds, clear_after_seconds, severity, notify, escalate_after_seconds)
values
  ('quota_near', 'quota_used', '80 % or more of a quota is used', 80, null, 100, 0, 0, 'warning', '{on_call}', null),
  ('quota_reached', 'quota_used', 'A quota is used up', 100, null, null, 0, 0, 'critical', '{on_call}', 1800),
  ('failed_logins', 'failed_logins', '10 failed logins of one account within 15 minutes', 10, 50, null, 0, 300, 'warning', '{on_call,security}', 3600),
  ('login_spraying', 'login_spraying', '20 failed logins from one address, as 5 accounts or more, within 15 minutes', 20, null, null, 0, 300, 'critical', '{on_call,security}', 900),
  ('error_rate', 'error_rate', '5 % or more (and at least 5) of the requests about one tenant, or of all, failed within 5 minutes', 5, 25, null, 0, 300, 'warning', '{on_call}', 1800),
  ('latency', 'latency_p95', '5 % of the requests about one tenant, or of all, took 2 seconds or more, for 5 minutes', 2000, 10000, null, 300, 300, 'warning', '{on_call}', 3600),
  ('backup_overdue', 'backup_age', 'Tenants without a backup of the last 26 hours (new ones: since they were provisioned)', 26, null, null, 0, 0, 'critical', '{on_call}', 7200),
  ('verify_overdue', 'verify_age', 'No backup was verified for 7 days', 7, null, null, 0, 0, 'warning', '{on_call}', null),
  ('drill_overdue', 'drill_age', 'No backup was restored in a drill for 35 days', 35, null, null, 0, 0, 'warning', '{on_call}', null),
  ('database_connections', 'connections_used', '80 % of the connections that PostgreSQL allows are open, for 2 minutes', 80, 95, null, 120, 300, 'warning', '{on_call}', 900),
  ('long_transactions', 'transaction_age', 'A transaction has been open for 15 minutes: vacuum and migrations wait for it', 900, 3600, null, 0, 60, 'warning', '{on_call}', 3600),
  ('disk', 'disk_used', '85 % of the disk under a data folder is used', 85, 95, null, 60, 300, 'warning', '{on_call}', 1800),
  ('database_disk', 'database_disk_used', '85 % of the disk under the embedded PostgreSQL is used', 85, 95, null, 60, 300, 'warning', '{on_call}', 1800),
  ('token_expiring', 'token_days_left', 'A token that was used within 30 days expires within 14 days', 14, 1, null, 0, 0, 'warning', '{on_call}', null),
  ('certificate_expiring', 'certificate_days_left', 'A TLS certificate, of the database or of the public address, expires within 21 days', 21, 3, null, 0, 0, 'warning', '{on_call}', 86400),
  ('seal_lag', 'seal_lag', 'A row of the audit log has been waiting for its seal for a minute', 60, 600, null, 60, 60, 'warning', '{on_call,security}', 1800),
  ('audit_altered', 'altered_chains', 'The audit log was altered past the server', 1, null, null, 0, 0, 'critical', '{on_call,security}', 900),
  ('deliveries_failing', 'delivery_failing', 'What contacts should have heard has not reached them for 15 minutes', 15, 240, null, 0, 60, 'warning', '{on_call,escalation}', null),
  ('task_failing', 'task_failing', 'A background task has failed for 10 minutes', 10, 120, null, 0, 60, 'warning', '{on_call}', 7200),
  ('rule_broken', 'rule_broken', 'A rule could not be evaluated twice in a row: it watches nothing', 2, null, null, 0, 0, 'critical', '{on_call}', 3600),
  ('rule_capped', 'rule_capped', 'A rule found more than it may open alerts for', 1, null, null, 0, 300, 'critical', '{on_call}', 3600);
update app.alert_rules r set shipped = to_jsonb(r) - array['name', 'shipped', 'updated_at', 'updated_by'];

-- How each rule's last evaluation went.
create table app.alert_evaluations (
  rule text constraint alert_evaluations_pkey primary key,
  run bigint not null default 0,
  -- Milliseconds that were watched so far: the time between two evaluations, at most two minutes of it, and none where the
  -- clock went back. What must hold, be gone or stay unacknowledged for some time is counted in this, so that neither a
  -- clock that jumps nor a time when nobody watched opens, resolves or escalates anything.
  watched_ms bigint not null default 0,
  evaluated_at timestamptz(3) not null default now(),
  duration_ms float8 not null default 0,
  -- Subjects for which it holds; of these, how many may not have an alert: there are too many.
  holding bigint not null default 0,
  withheld bigint not null default 0,
  -- Why its metric can't be measured here.
  unavailable text,
  error text,
  -- Evaluations that failed, one after the other, up to the last.
  failures integer not null default 0
);
select tenancy.global('app.alert_evaluations');

-- What holds, and not for long enough yet.
create table app.alert_pending (
  fingerprint text constraint alert_pending_pkey primary key,
  rule text not null,
  since_ms bigint not null,
  run bigint not null
);
create index alert_pending_by_rule on app.alert_pending (rule);
select tenancy.global('app.alert_pending');

-- While one stands, the alerts it is about (null: any) tell nobody.
create table app.alert_silences (
  id uuid constraint alert_silences_pkey primary key,
  about_rule text,
  about_fingerprint text,
  about_tenant uuid,
  reason text not null,
  created_at timestamptz(3) not null default now(),
  created_by text not null,
  expires_at timestamptz(3) not null,
  ended_at timestamptz(3),
  ended_by text,
  constraint alert_silences_something check (num_nonnulls(about_rule, about_fingerprint, about_tenant) > 0)
);
create index alert_silences_newest on app.alert_silences (created_at desc, id desc);
create index alert_silences_standing on app.alert_silences (expires_at) where ended_at is null;
select tenancy.global('app.alert_silences');

-- What one host sees and the database can't: disks, certificates. Each process of the API writes what it sees.
create table app.host_readings (
  host text not null,
  metric text not null,
  subject text not null,
  value float8,
  -- Why there is no value.
  problem text,
  evidence jsonb not null default '{}',
  read_at timestamptz(3) not null default now(),
  constraint host_readings_pkey primary key (metric, host, subject)
);
select tenancy.global('app.host_readings');

-- Times ending in _ms are on the clock of the alert's rule: alert_evaluations.watched_ms.
alter table app.alerts
  add column value float8,
  add column run bigint not null default 0,
  add column seen_ms bigint not null default 0,
  -- When contacts are to be told that it is open; null: they were, or it is nothing to tell.
  add column page_due_ms bigint,
  -- That they were told, since it last opened.
  add column notified_at timestamptz(3),
  -- When that was first tried: from then on somebody should have taken it.
  add column tried_ms bigint,
  add column escalated_at timestamptz(3),
  add column resolved_by text,
  add column resolved_ms bigint,
  add column reopened integer not null default 0;
create index alerts_unresolved_of_rule on app.alerts (rule) where status <> 'resolved';
create index alerts_of_fingerprint on app.alerts (fingerprint, opened_at desc);
create index alerts_resolved on app.alerts (resolved_at) where status = 'resolved';

-- A rebuilt system begins to watch anew, by the rules it had.
update tenancy.table_classes set transient = true where table_name in (
  'app.alert_evaluations'::regclass, 'app.alert_pending'::regclass, 'app.alert_silences'::regclass, 'app.host_readings'::regclass);

-- Transactions of this database that are open, of all roles: how long, and nothing of what they say. PostgreSQL shows a role
-- its own only, unless it may read all statistics; the owner role, which serves nothing, may where `migrate` could allow it.
create function app.open_transactions() returns table (pid integer, role text, application text, state text, seconds float8)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select a.pid, a.usename::text, a.application_name, a.state,
    greatest(extract(epoch from now() - a.xact_start), 0)::float8
  from pg_stat_activity a
  where a.datname = current_database() and a.xact_start is not null and a.backend_type = 'client backend'
    and a.pid <> pg_backend_pid()
$$;

create function app.sees_transactions() returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp
return pg_has_role(current_user, 'pg_read_all_stats', 'USAGE');

do $$
begin
  execute format('grant execute on function app.open_transactions(), app.sees_transactions() to %I', tenancy.role('operator'));
end $$;

-- Schemas
create schema app authorization owner;
create schema tenancy authorization owner;

-- Tables, with their class
-- retained
create table app.access_log (
  tenant_id uuid not null,
  minute timestamp(3) with time zone not null,
  actor_type text not null,
  actor_id text not null,
  actor_name text,
  route text not null,
  address text not null,
  requests bigint not null,
  first_request_id text not null,
  last_request_id text not null,
  constraint access_log_actor_type CHECK ((actor_type = ANY (ARRAY['user'::text, 'operator'::text, 'token'::text, 'overflow'::text]))),
  constraint access_log_pkey PRIMARY KEY (tenant_id, minute, actor_type, actor_id, route, address),
  constraint access_log_requests CHECK ((requests > 0))
) partition by RANGE (minute);
-- global, transient
create table app.alert_evaluations (
  rule text not null,
  run bigint default 0 not null,
  watched_ms bigint default 0 not null,
  evaluated_at timestamp(3) with time zone default now() not null,
  duration_ms double precision default 0 not null,
  holding bigint default 0 not null,
  withheld bigint default 0 not null,
  unavailable text,
  error text,
  failures integer default 0 not null,
  constraint alert_evaluations_pkey PRIMARY KEY (rule)
);
-- global, transient
create table app.alert_pending (
  fingerprint text not null,
  rule text not null,
  since_ms bigint not null,
  run bigint not null,
  constraint alert_pending_pkey PRIMARY KEY (fingerprint)
);
-- global
create table app.alert_rules (
  name text not null,
  metric text not null,
  about text not null,
  threshold double precision not null,
  critical_threshold double precision,
  hands_over_at double precision,
  hold_seconds integer default 0 not null,
  clear_after_seconds integer default 300 not null,
  severity text not null,
  notify text[] default '{on_call}'::text[] not null,
  escalate_after_seconds integer,
  enabled boolean default true not null,
  shipped jsonb,
  updated_at timestamp(3) with time zone default now() not null,
  updated_by text,
  constraint alert_rules_clear_after_seconds CHECK ((clear_after_seconds >= 0)),
  constraint alert_rules_escalate_after_seconds CHECK ((escalate_after_seconds > 0)),
  constraint alert_rules_hold_seconds CHECK ((hold_seconds >= 0)),
  constraint alert_rules_name CHECK ((name ~ '^[a-z][a-z0-9_]{0,62}$'::text)),
  constraint alert_rules_notify CHECK ((notify <@ ARRAY['on_call'::text, 'escalation'::text, 'emergency'::text, 'security'::text])),
  constraint alert_rules_pkey PRIMARY KEY (name),
  constraint alert_rules_severity CHECK ((severity = ANY (ARRAY['info'::text, 'warning'::text, 'critical'::text])))
);
-- global, transient
create table app.alert_silences (
  id uuid not null,
  about_rule text,
  about_fingerprint text,
  about_tenant uuid,
  reason text not null,
  created_at timestamp(3) with time zone default now() not null,
  created_by text not null,
  expires_at timestamp(3) with time zone not null,
  ended_at timestamp(3) with time zone,
  ended_by text,
  constraint alert_silences_pkey PRIMARY KEY (id),
  constraint alert_silences_something CHECK ((num_nonnulls(about_rule, about_fingerprint, about_tenant) > 0))
);
-- global, transient
create table app.alerts (
  id uuid not null,
  rule text not null,
  tenant_id uuid,
  fingerprint text not null,
  severity text not null,
  status text default 'open'::text not null,
  summary text not null,
  evidence jsonb default '{}'::jsonb not null,
  next_step text not null,
  opened_at timestamp(3) with time zone default now() not null,
  acknowledged_at timestamp(3) with time zone,
  acknowledged_by text,
  note text,
  resolved_at timestamp(3) with time zone,
  last_seen_at timestamp(3) with time zone default now() not null,
  value double precision,
  run bigint default 0 not null,
  seen_ms bigint default 0 not null,
  page_due_ms bigint,
  notified_at timestamp(3) with time zone,
  tried_ms bigint,
  escalated_at timestamp(3) with time zone,
  resolved_by text,
  resolved_ms bigint,
  reopened integer default 0 not null,
  constraint alerts_pkey PRIMARY KEY (id),
  constraint alerts_severity CHECK ((severity = ANY (ARRAY['info'::text, 'warning'::text, 'critical'::text]))),
  constraint alerts_status CHECK ((status = ANY (ARRAY['open'::text, 'acknowledged'::text, 'resolved'::text])))
);
-- protected, transient, secret: token_hash
create table app.api_tokens (
  tenant_id uuid not null,
  id uuid not null,
  name text not null,
  token_hash bytea not null,
  scopes text[] not null,
  created_by_type text not null,
  created_by uuid not null,
  created_by_name text not null,
  created_at timestamp(3) with time zone default now() not null,
  expires_at timestamp(3) with time zone,
  revoked_at timestamp(3) with time zone,
  last_used_at timestamp(3) with time zone,
  constraint api_tokens_created_by_type CHECK ((created_by_type = ANY (ARRAY['user'::text, 'operator'::text]))),
  constraint api_tokens_name_length CHECK (((length(name) >= 1) AND (length(name) <= 200))),
  constraint api_tokens_pkey PRIMARY KEY (tenant_id, id),
  constraint api_tokens_token_hash UNIQUE (tenant_id, token_hash)
);
-- retained
create table app.audit_chains (
  tenant_id uuid not null,
  sequence bigint not null,
  hash bytea not null,
  base_sequence bigint default 0 not null,
  base_hash bytea not null,
  batch bigint not null,
  key_id text not null,
  mac bytea,
  suspect bigint,
  constraint audit_chains_pkey PRIMARY KEY (tenant_id)
);
-- protected
create table app.audit_details (
  tenant_id uuid not null,
  audit_id uuid not null,
  at timestamp(3) with time zone default now() not null,
  before jsonb,
  after jsonb,
  constraint audit_details_pkey PRIMARY KEY (tenant_id, audit_id)
);
-- retained
create table app.audit_log (
  tenant_id uuid not null,
  at timestamp(3) with time zone default now() not null,
  id uuid not null,
  action text not null,
  resource_type text not null,
  resource_id text,
  outcome text not null,
  actor_type text not null,
  actor_id text,
  actor_name text,
  address text,
  request_id text,
  occurrences integer default 1 not null,
  detail text,
  details_digest bytea,
  written_by xid8 default pg_current_xact_id(),
  constraint audit_log_actor_type CHECK ((actor_type = ANY (ARRAY['user'::text, 'operator'::text, 'token'::text, 'system'::text, 'local'::text, 'anonymous'::text]))),
  constraint audit_log_occurrences CHECK ((occurrences > 0)),
  constraint audit_log_outcome CHECK ((outcome = ANY (ARRAY['success'::text, 'failure'::text, 'denied'::text]))),
  constraint audit_log_pkey PRIMARY KEY (tenant_id, at, id)
) partition by RANGE (at);
-- global
create table app.audit_register (
  single boolean default true not null,
  chains bigint default 0 not null,
  rows bigint default 0 not null,
  batch bigint default 0 not null,
  dropped_before timestamp(3) with time zone,
  key_id text,
  mac bytea,
  announced_batch bigint default 0 not null,
  constraint audit_register_pkey PRIMARY KEY (single),
  constraint audit_register_single CHECK (single)
);
-- global, transient
create table app.audit_sealer (
  single boolean default true not null,
  seen pg_snapshot,
  seen_at timestamp(3) with time zone,
  target pg_snapshot,
  resume_at timestamp(3) with time zone,
  resume_id uuid,
  skipped boolean default false not null,
  constraint audit_sealer_pkey PRIMARY KEY (single),
  constraint audit_sealer_single CHECK (single)
);
-- retained
create table app.audit_seals (
  tenant_id uuid not null,
  sequence bigint not null,
  audit_id uuid not null,
  at timestamp(3) with time zone not null,
  row_digest bytea not null,
  hash bytea not null,
  key_id text not null,
  batch bigint not null,
  not_before timestamp(3) with time zone,
  sealed_at timestamp(3) with time zone not null,
  constraint audit_seals_pkey PRIMARY KEY (tenant_id, sequence),
  constraint audit_seals_row UNIQUE (tenant_id, at, audit_id),
  constraint audit_seals_sequence CHECK ((sequence > 0))
);
-- global
create table app.backup_facts (
  tenant_id uuid not null,
  last_backup_at timestamp(3) with time zone,
  last_backup_bytes bigint,
  last_verified_at timestamp(3) with time zone,
  last_drilled_at timestamp(3) with time zone,
  constraint backup_facts_pkey PRIMARY KEY (tenant_id)
);
-- global
create table app.backup_items (
  kind text not null,
  run_id text not null,
  tenant_id uuid not null,
  outcome text not null,
  snapshot_at timestamp(3) with time zone,
  bytes bigint,
  sha256 text,
  seconds double precision,
  error text,
  at timestamp(3) with time zone not null,
  constraint backup_items_outcome CHECK ((outcome = ANY (ARRAY['ok'::text, 'failed'::text, 'gone'::text]))),
  constraint backup_items_pkey PRIMARY KEY (kind, run_id, tenant_id)
);
-- global, transient
create table app.backup_lease (
  single boolean default true not null,
  id uuid not null,
  holder text not null,
  acquired_at timestamp(3) with time zone not null,
  expires_at timestamp(3) with time zone not null,
  constraint backup_lease_pkey PRIMARY KEY (single),
  constraint backup_lease_single CHECK (single)
);
-- global
create table app.backup_runs (
  kind text not null,
  run_id text not null,
  repository text not null,
  host text not null,
  started_at timestamp(3) with time zone not null,
  finished_at timestamp(3) with time zone,
  exit_code bigint,
  ok bigint default 0 not null,
  failed bigint default 0 not null,
  bytes bigint default 0 not null,
  expires_at timestamp(3) with time zone,
  constraint backup_runs_kind CHECK ((kind = ANY (ARRAY['backup'::text, 'verify'::text, 'drill'::text]))),
  constraint backup_runs_pkey PRIMARY KEY (kind, run_id)
);
-- global
create table app.changelog_entries (
  id uuid not null,
  at timestamp(3) with time zone default now() not null,
  change text not null,
  about_tenant uuid,
  operator text not null,
  created_at timestamp(3) with time zone default now() not null,
  constraint changelog_entries_change CHECK (((length(change) >= 1) AND (length(change) <= 500))),
  constraint changelog_entries_pkey PRIMARY KEY (id)
);
-- global
create table app.check_runs (
  id uuid not null,
  cadence text not null,
  since timestamp(3) with time zone not null,
  started_at timestamp(3) with time zone not null,
  finished_at timestamp(3) with time zone default now() not null,
  run_by text,
  items jsonb not null,
  figures jsonb default '[]'::jsonb not null,
  signed_off_at timestamp(3) with time zone,
  signed_off_by text,
  note text,
  constraint check_runs_cadence CHECK ((cadence = ANY (ARRAY['daily'::text, 'weekly'::text, 'monthly'::text]))),
  constraint check_runs_pkey PRIMARY KEY (id),
  constraint check_runs_signed_off CHECK (((signed_off_at IS NULL) = (signed_off_by IS NULL)))
);
-- global
create table app.contact_channels (
  id uuid not null,
  contact_id uuid not null,
  kind text default 'webhook'::text not null,
  url text not null,
  host text not null,
  failing_since timestamp(3) with time zone,
  disabled_at timestamp(3) with time zone,
  created_at timestamp(3) with time zone default now() not null,
  constraint contact_channels_kind CHECK ((kind = 'webhook'::text)),
  constraint contact_channels_pkey PRIMARY KEY (id),
  constraint contact_channels_url UNIQUE (contact_id, url)
);
-- global
create table app.contacts (
  id uuid not null,
  name text not null,
  role text not null,
  email text,
  phone text,
  minimum_severity text default 'warning'::text not null,
  signing_secret text,
  previous_secret text,
  previous_secret_until timestamp(3) with time zone,
  created_at timestamp(3) with time zone default now() not null,
  updated_at timestamp(3) with time zone default now() not null,
  constraint contacts_minimum_severity CHECK ((minimum_severity = ANY (ARRAY['info'::text, 'warning'::text, 'critical'::text]))),
  constraint contacts_name UNIQUE (name),
  constraint contacts_name_length CHECK (((length(name) >= 1) AND (length(name) <= 60))),
  constraint contacts_pkey PRIMARY KEY (id),
  constraint contacts_role CHECK ((role = ANY (ARRAY['on_call'::text, 'escalation'::text, 'emergency'::text, 'security'::text])))
);
-- protected
create table app.customers (
  tenant_id uuid not null,
  id uuid not null,
  name text not null,
  email text,
  phone text,
  notes text,
  balance_minor bigint default 0 not null,
  currency text default 'USD'::text not null,
  created_at timestamp(3) with time zone default now() not null,
  updated_at timestamp(3) with time zone default now() not null,
  constraint customers_balance_minor CHECK (((balance_minor >= '-9007199254740991'::bigint) AND (balance_minor <= '9007199254740991'::bigint))),
  constraint customers_currency CHECK ((currency ~ '^[A-Z]{3}$'::text)),
  constraint customers_email_form CHECK (((email = lower(email)) AND ((length(email) >= 3) AND (length(email) <= 254)))),
  constraint customers_name_length CHECK (((length(name) >= 1) AND (length(name) <= 200))),
  constraint customers_notes_length CHECK ((length(notes) <= 10000)),
  constraint customers_phone_length CHECK ((length(phone) <= 50)),
  constraint customers_pkey PRIMARY KEY (tenant_id, id)
);
-- global
create table app.daily_facts (
  day date not null,
  tenants bigint not null,
  users bigint not null,
  customers bigint not null,
  rows bigint,
  bytes bigint not null,
  database_bytes bigint not null,
  connections integer not null,
  connections_limit integer not null,
  disk_bytes bigint,
  disk_limit_bytes bigint,
  read_at timestamp(3) with time zone default now() not null,
  constraint daily_facts_pkey PRIMARY KEY (day)
);
-- global, transient
create table app.deliveries (
  id uuid not null,
  channel_id uuid,
  contact text not null,
  host text not null,
  event text not null,
  severity text not null,
  subject_type text not null,
  subject_id text not null,
  body text not null,
  status text default 'pending'::text not null,
  attempts integer default 0 not null,
  last_status integer,
  last_error text,
  created_at timestamp(3) with time zone default now() not null,
  started_at timestamp(3) with time zone default now() not null,
  next_attempt_at timestamp(3) with time zone default now() not null,
  lease_id uuid,
  lease_until timestamp(3) with time zone,
  finished_at timestamp(3) with time zone,
  constraint deliveries_pkey PRIMARY KEY (id),
  constraint deliveries_severity CHECK ((severity = ANY (ARRAY['info'::text, 'warning'::text, 'critical'::text]))),
  constraint deliveries_status CHECK ((status = ANY (ARRAY['pending'::text, 'delivered'::text, 'failed'::text, 'cancelled'::text])))
);
-- global, transient
create table app.delivery_attempts (
  delivery_id uuid not null,
  id uuid not null,
  at timestamp(3) with time zone default now() not null,
  duration_ms integer not null,
  status integer,
  error text,
  constraint delivery_attempts_pkey PRIMARY KEY (delivery_id, id)
);
-- global, transient
create table app.error_groups (
  fingerprint text not null,
  code text not null,
  error text not null,
  source text not null,
  place text not null,
  expected boolean not null,
  message text not null,
  stack text,
  request_id text,
  version text not null,
  occurrences bigint not null,
  tenant_ids uuid[] default '{}'::uuid[] not null,
  first_seen_at timestamp(3) with time zone not null,
  last_seen_at timestamp(3) with time zone not null,
  resolved_at timestamp(3) with time zone,
  resolved_by text,
  reopened_at timestamp(3) with time zone,
  constraint error_groups_fingerprint CHECK ((fingerprint ~ '^[0-9a-f]{16}$'::text)),
  constraint error_groups_occurrences CHECK ((occurrences > 0)),
  constraint error_groups_pkey PRIMARY KEY (fingerprint),
  constraint error_groups_source CHECK ((source = ANY (ARRAY['request'::text, 'stream'::text, 'job'::text]))),
  constraint error_groups_tenant_ids CHECK ((cardinality(tenant_ids) <= 100))
);
-- protected, transient
create table app.filling_quotas (
  tenant_id uuid not null,
  resource text not null,
  constraint filling_quotas_pkey PRIMARY KEY (tenant_id, resource),
  constraint filling_quotas_resource CHECK ((resource = ANY (ARRAY['users'::text, 'customers'::text, 'storage_bytes'::text, 'api_requests_per_day'::text])))
);
-- global, transient
create table app.host_readings (
  host text not null,
  metric text not null,
  subject text not null,
  value double precision,
  problem text,
  evidence jsonb default '{}'::jsonb not null,
  read_at timestamp(3) with time zone default now() not null,
  constraint host_readings_pkey PRIMARY KEY (metric, host, subject)
);
-- global
create table app.hourly_requests (
  hour timestamp(3) with time zone not null,
  requests bigint not null,
  errors bigint not null,
  constraint hourly_requests_pkey PRIMARY KEY (hour)
);
-- global, transient
create table app.idempotency_keys (
  actor text not null,
  key_hash bytea not null,
  request_hash bytea not null,
  status integer,
  response jsonb,
  created_at timestamp(3) with time zone default now() not null,
  tenant_id uuid,
  constraint idempotency_keys_pkey PRIMARY KEY (actor, key_hash)
);
-- global
create table app.incident_entries (
  id uuid not null,
  incident_id uuid not null,
  kind text not null,
  step text,
  at timestamp(3) with time zone not null,
  done_by text,
  recorded_at timestamp(3) with time zone default clock_timestamp() not null,
  recorded_by text,
  note text,
  item jsonb,
  claimant uuid,
  claimed_until timestamp(3) with time zone,
  constraint incident_entries_kind CHECK ((kind = ANY (ARRAY['started'::text, 'done'::text, 'failed'::text, 'skipped'::text, 'note'::text, 'closed'::text]))),
  constraint incident_entries_pkey PRIMARY KEY (id)
);
-- global
create table app.incidents (
  id uuid not null,
  kind text not null,
  title text,
  affected jsonb default '[]'::jsonb not null,
  about_tenants uuid[] default '{}'::uuid[] not null,
  unknown_tenants text[] default '{}'::text[] not null,
  all_tenants boolean default false not null,
  opened_at timestamp(3) with time zone default now() not null,
  opened_by text,
  closed_at timestamp(3) with time zone,
  closed_by text,
  summary text,
  constraint incidents_closed CHECK (((closed_at IS NULL) = (summary IS NULL))),
  constraint incidents_kind CHECK ((kind = ANY (ARRAY['system-down'::text, 'data-breach'::text, 'data-loss'::text]))),
  constraint incidents_pkey PRIMARY KEY (id)
);
-- protected, transient
create table app.known_addresses (
  tenant_id uuid not null,
  account_id uuid not null,
  address text not null,
  last_login_at timestamp(3) with time zone default now() not null,
  constraint known_addresses_pkey PRIMARY KEY (tenant_id, account_id, address)
);
-- global
create table app.legal_holds (
  tenant_id uuid not null,
  reason text not null,
  set_by text not null,
  set_at timestamp(3) with time zone default now() not null,
  constraint legal_holds_pkey PRIMARY KEY (tenant_id)
);
-- global, transient
create table app.login_throttles (
  key text not null,
  failures integer default 0 not null,
  window_started_at timestamp(3) with time zone default now() not null,
  blocked_until timestamp(3) with time zone,
  constraint login_throttles_failures CHECK ((failures >= 0)),
  constraint login_throttles_pkey PRIMARY KEY (key)
);
-- global
create table app.operations (
  id uuid not null,
  kind text not null,
  tenant_id uuid,
  tenant_slug text,
  status text default 'queued'::text not null,
  plan jsonb,
  progress jsonb,
  result jsonb,
  error jsonb,
  requested_by jsonb not null,
  created_at timestamp(3) with time zone default now() not null,
  started_at timestamp(3) with time zone,
  finished_at timestamp(3) with time zone,
  heartbeat_at timestamp(3) with time zone,
  constraint operations_pkey PRIMARY KEY (id),
  constraint operations_status CHECK ((status = ANY (ARRAY['queued'::text, 'running'::text, 'succeeded'::text, 'failed'::text, 'cancelled'::text])))
);
-- global, transient
create table app.operator_resets (
  id uuid not null,
  operator_id uuid not null,
  secret_hash bytea not null,
  created_at timestamp(3) with time zone default now() not null,
  expires_at timestamp(3) with time zone not null,
  used_at timestamp(3) with time zone,
  constraint operator_resets_pkey PRIMARY KEY (id),
  constraint operator_resets_secret_hash UNIQUE (secret_hash)
);
-- global, transient
create table app.operator_sessions (
  id uuid not null,
  operator_id uuid not null,
  refresh_hash bytea not null,
  previous_hash bytea,
  rotated_at timestamp(3) with time zone,
  expires_at timestamp(3) with time zone not null,
  ended_at timestamp(3) with time zone,
  end_reason text,
  created_at timestamp(3) with time zone default now() not null,
  address text,
  user_agent text,
  constraint operator_sessions_pkey PRIMARY KEY (id)
);
-- global, transient
create table app.operator_tokens (
  id uuid not null,
  name text not null,
  token_hash bytea not null,
  scopes text[] not null,
  created_by uuid not null,
  created_at timestamp(3) with time zone default now() not null,
  expires_at timestamp(3) with time zone,
  revoked_at timestamp(3) with time zone,
  last_used_at timestamp(3) with time zone,
  constraint operator_tokens_name_length CHECK (((length(name) >= 1) AND (length(name) <= 200))),
  constraint operator_tokens_pkey PRIMARY KEY (id),
  constraint operator_tokens_token_hash UNIQUE (token_hash)
);
-- global
create table app.operators (
  id uuid not null,
  email text not null,
  name text not null,
  password_hash text,
  must_change_password boolean default false not null,
  disabled_at timestamp(3) with time zone,
  password_changed_at timestamp(3) with time zone,
  last_login_at timestamp(3) with time zone,
  created_at timestamp(3) with time zone default now() not null,
  constraint operators_email UNIQUE (email),
  constraint operators_email_form CHECK (((email = lower(email)) AND ((length(email) >= 3) AND (length(email) <= 254)))),
  constraint operators_name_length CHECK (((length(name) >= 1) AND (length(name) <= 200))),
  constraint operators_pkey PRIMARY KEY (id)
);
-- protected, transient, secret: secret_hash
create table app.password_resets (
  tenant_id uuid not null,
  id uuid not null,
  user_id uuid not null,
  secret_hash bytea not null,
  created_at timestamp(3) with time zone default now() not null,
  expires_at timestamp(3) with time zone not null,
  used_at timestamp(3) with time zone,
  constraint password_resets_pkey PRIMARY KEY (tenant_id, id),
  constraint password_resets_secret_hash UNIQUE (tenant_id, secret_hash)
);
-- global
create table app.plans (
  name text not null,
  display_name text not null,
  users_limit bigint,
  customers_limit bigint,
  storage_bytes_limit bigint,
  api_requests_per_day_limit bigint,
  requests_per_minute integer,
  updated_at timestamp(3) with time zone default now() not null,
  constraint plans_api_requests_per_day_limit CHECK ((api_requests_per_day_limit >= 0)),
  constraint plans_customers_limit CHECK ((customers_limit >= 0)),
  constraint plans_name CHECK (((name ~ '^[a-z0-9]+(-[a-z0-9]+)*$'::text) AND (length(name) <= 63))),
  constraint plans_pkey PRIMARY KEY (name),
  constraint plans_requests_per_minute CHECK ((requests_per_minute > 0)),
  constraint plans_storage_bytes_limit CHECK ((storage_bytes_limit >= 0)),
  constraint plans_users_limit CHECK ((users_limit >= 0))
);
-- protected, transient
create table app.quota_drift (
  tenant_id uuid not null,
  resource text not null,
  counter bigint not null,
  counted bigint not null,
  found_at timestamp(3) with time zone default now() not null,
  seen_at timestamp(3) with time zone default now() not null,
  constraint quota_drift_pkey PRIMARY KEY (tenant_id, resource),
  constraint quota_drift_resource CHECK ((resource = ANY (ARRAY['users'::text, 'customers'::text, 'storage_bytes'::text])))
);
-- protected
create table app.quota_overrides (
  tenant_id uuid not null,
  resource text not null,
  quota_limit bigint,
  reason text not null,
  expires_at timestamp(3) with time zone,
  set_by jsonb not null,
  created_at timestamp(3) with time zone default now() not null,
  constraint quota_overrides_pkey PRIMARY KEY (tenant_id, resource),
  constraint quota_overrides_quota_limit CHECK ((quota_limit >= 0)),
  constraint quota_overrides_resource CHECK ((resource = ANY (ARRAY['users'::text, 'customers'::text, 'storage_bytes'::text, 'api_requests_per_day'::text])))
);
-- global, transient
create table app.quota_round (
  single boolean default true not null,
  changes_until timestamp(3) with time zone,
  after_tenant uuid,
  completed_at timestamp(3) with time zone,
  constraint quota_round_pkey PRIMARY KEY (single),
  constraint quota_round_single CHECK (single)
);
-- protected, transient, secret: refresh_hash, previous_hash
create table app.sessions (
  tenant_id uuid not null,
  id uuid not null,
  user_id uuid not null,
  refresh_hash bytea not null,
  previous_hash bytea,
  rotated_at timestamp(3) with time zone,
  expires_at timestamp(3) with time zone not null,
  ended_at timestamp(3) with time zone,
  end_reason text,
  created_at timestamp(3) with time zone default now() not null,
  address text,
  user_agent text,
  constraint sessions_pkey PRIMARY KEY (tenant_id, id)
);
-- global, transient
create table app.system_maintenance (
  single boolean default true not null,
  maintenance jsonb,
  constraint system_maintenance_pkey PRIMARY KEY (single),
  constraint system_maintenance_single CHECK (single)
);
-- global, transient
create table app.task_runs (
  task text not null,
  succeeded_at timestamp(3) with time zone,
  failing_since timestamp(3) with time zone,
  error text,
  constraint task_runs_pkey PRIMARY KEY (task)
);
-- retained
create table app.tenant_sizes (
  tenant_id uuid not null,
  day date not null,
  rows bigint,
  bytes bigint default 0 not null,
  counted_at timestamp(3) with time zone default now() not null,
  constraint tenant_sizes_pkey PRIMARY KEY (tenant_id, day)
);
-- registry
create table app.tenants (
  id uuid not null,
  slug text not null,
  name text not null,
  status text default 'active'::text not null,
  plan text not null,
  contact_email text,
  status_reason text,
  status_changed_at timestamp(3) with time zone default now() not null,
  previous_status text,
  created_at timestamp(3) with time zone default now() not null,
  updated_at timestamp(3) with time zone default now() not null,
  deleted_at timestamp(3) with time zone,
  purge_at timestamp(3) with time zone,
  purged_at timestamp(3) with time zone,
  hold jsonb,
  maintenance jsonb,
  constraint tenants_contact_email CHECK ((contact_email = lower(contact_email))),
  constraint tenants_deleted CHECK (((status = ANY (ARRAY['deleted'::text, 'purged'::text])) = (deleted_at IS NOT NULL))),
  constraint tenants_name_length CHECK (((length(name) >= 1) AND (length(name) <= 200))),
  constraint tenants_pkey PRIMARY KEY (id),
  constraint tenants_previous_status CHECK ((previous_status = ANY (ARRAY['active'::text, 'suspended'::text, 'cancelled'::text]))),
  constraint tenants_purged CHECK (((status = 'purged'::text) = (purged_at IS NOT NULL))),
  constraint tenants_slug_form CHECK (((slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'::text) AND ((length(slug) >= 2) AND (length(slug) <= 63)))),
  constraint tenants_status CHECK ((status = ANY (ARRAY['active'::text, 'suspended'::text, 'cancelled'::text, 'deleted'::text, 'purged'::text])))
);
-- protected
create table app.usage_counters (
  tenant_id uuid not null,
  resource text not null,
  used bigint default 0 not null,
  counted_at timestamp(3) with time zone default now() not null,
  constraint usage_counters_pkey PRIMARY KEY (tenant_id, resource),
  constraint usage_counters_used CHECK ((used >= 0))
);
-- retained
create table app.usage_days (
  tenant_id uuid not null,
  day date not null,
  api_requests bigint default 0 not null,
  constraint usage_days_pkey PRIMARY KEY (tenant_id, day)
);
-- retained
create table app.usage_minutes (
  tenant_id uuid not null,
  minute timestamp(3) with time zone not null,
  route_group text default ''::text not null,
  requests bigint default 0 not null,
  errors bigint default 0 not null,
  client_errors bigint default 0 not null,
  latency_buckets bigint[] default '{}'::bigint[] not null,
  rows bigint default 0 not null,
  bytes bigint default 0 not null,
  duration_ms bigint default 0 not null,
  constraint usage_minutes_pkey PRIMARY KEY (tenant_id, minute, route_group)
);
-- retained
create table app.usage_rollups (
  tenant_id uuid not null,
  span text not null,
  begins_at timestamp(3) with time zone not null,
  route_group text default ''::text not null,
  requests bigint default 0 not null,
  errors bigint default 0 not null,
  client_errors bigint default 0 not null,
  latency_buckets bigint[] default '{}'::bigint[] not null,
  bytes bigint default 0 not null,
  duration_ms bigint default 0 not null,
  constraint usage_rollups_pkey PRIMARY KEY (tenant_id, span, begins_at, route_group),
  constraint usage_rollups_span CHECK ((span = ANY (ARRAY['hour'::text, 'day'::text])))
);
-- protected, secret: password_hash
create table app.users (
  tenant_id uuid not null,
  id uuid not null,
  email text not null,
  name text not null,
  role text not null,
  password_hash text,
  must_change_password boolean default false not null,
  disabled_at timestamp(3) with time zone,
  password_changed_at timestamp(3) with time zone,
  last_login_at timestamp(3) with time zone,
  created_at timestamp(3) with time zone default now() not null,
  updated_at timestamp(3) with time zone default now() not null,
  constraint users_email UNIQUE (tenant_id, email),
  constraint users_email_form CHECK (((email = lower(email)) AND ((length(email) >= 3) AND (length(email) <= 254)))),
  constraint users_name_length CHECK (((length(name) >= 1) AND (length(name) <= 200))),
  constraint users_pkey PRIMARY KEY (tenant_id, id),
  constraint users_role CHECK ((role = ANY (ARRAY['tenant_admin'::text, 'support_agent'::text])))
);
-- no class
create table tenancy.migrations (
  name text not null,
  origin text not null,
  sha256 text not null,
  applied_at timestamp(3) with time zone default now() not null,
  constraint migrations_pkey PRIMARY KEY (name)
);
-- no class
create table tenancy.secrets (
  name text not null,
  value bytea not null,
  constraint secrets_pkey PRIMARY KEY (name)
);
-- no class
create table tenancy.table_classes (
  table_name regclass not null,
  class text not null,
  secret_columns text[] default '{}'::text[] not null,
  transient boolean default false not null,
  constraint table_classes_class CHECK ((class = ANY (ARRAY['protected'::text, 'retained'::text, 'global'::text, 'registry'::text]))),
  constraint table_classes_pkey PRIMARY KEY (table_name)
);

-- Owners
alter table app.access_log owner to owner;
alter table app.alert_evaluations owner to owner;
alter table app.alert_pending owner to owner;
alter table app.alert_rules owner to owner;
alter table app.alert_silences owner to owner;
alter table app.alerts owner to owner;
alter table app.api_tokens owner to owner;
alter table app.audit_chains owner to owner;
alter table app.audit_details owner to owner;
alter table app.audit_log owner to owner;
alter table app.audit_register owner to owner;
alter table app.audit_sealer owner to owner;
alter table app.audit_seals owner to owner;
alter table app.backup_facts owner to owner;
alter table app.backup_items owner to owner;
alter table app.backup_lease owner to owner;
alter table app.backup_runs owner to owner;
alter table app.changelog_entries owner to owner;
alter table app.check_runs owner to owner;
alter table app.contact_channels owner to owner;
alter table app.contacts owner to owner;
alter table app.customers owner to owner;
alter table app.daily_facts owner to owner;
alter table app.deliveries owner to owner;
alter table app.delivery_attempts owner to owner;
alter table app.error_groups owner to owner;
alter table app.filling_quotas owner to owner;
alter table app.host_readings owner to owner;
alter table app.hourly_requests owner to owner;
alter table app.idempotency_keys owner to owner;
alter table app.incident_entries owner to owner;
alter table app.incidents owner to owner;
alter table app.known_addresses owner to owner;
alter table app.legal_holds owner to owner;
alter table app.login_throttles owner to owner;
alter table app.operations owner to owner;
alter table app.operator_resets owner to owner;
alter table app.operator_sessions owner to owner;
alter table app.operator_tokens owner to owner;
alter table app.operators owner to owner;
alter table app.password_resets owner to owner;
alter table app.plans owner to owner;
alter table app.quota_drift owner to owner;
alter table app.quota_overrides owner to owner;
alter table app.quota_round owner to owner;
alter table app.sessions owner to owner;
alter table app.system_maintenance owner to owner;
alter table app.task_runs owner to owner;
alter table app.tenant_sizes owner to owner;
alter table app.tenants owner to owner;
alter table app.usage_counters owner to owner;
alter table app.usage_days owner to owner;
alter table app.usage_minutes owner to owner;
alter table app.usage_rollups owner to owner;
alter table app.users owner to owner;
alter table tenancy.migrations owner to owner;
alter table tenancy.secrets owner to owner;
alter table tenancy.table_classes owner to owner;

-- Foreign keys
alter table app.api_tokens add constraint api_tokens_tenant FOREIGN KEY (tenant_id) REFERENCES app.tenants(id);
alter table app.audit_details add constraint audit_details_tenant FOREIGN KEY (tenant_id) REFERENCES app.tenants(id);
alter table app.backup_items add constraint backup_items_run FOREIGN KEY (kind, run_id) REFERENCES app.backup_runs(kind, run_id) ON DELETE CASCADE;
alter table app.contact_channels add constraint contact_channels_contact FOREIGN KEY (contact_id) REFERENCES app.contacts(id) ON DELETE CASCADE;
alter table app.customers add constraint customers_tenant FOREIGN KEY (tenant_id) REFERENCES app.tenants(id);
alter table app.deliveries add constraint deliveries_channel FOREIGN KEY (channel_id) REFERENCES app.contact_channels(id) ON DELETE SET NULL;
alter table app.delivery_attempts add constraint delivery_attempts_delivery FOREIGN KEY (delivery_id) REFERENCES app.deliveries(id) ON DELETE CASCADE;
alter table app.incident_entries add constraint incident_entries_incident FOREIGN KEY (incident_id) REFERENCES app.incidents(id);
alter table app.known_addresses add constraint known_addresses_tenant FOREIGN KEY (tenant_id) REFERENCES app.tenants(id);
alter table app.operator_resets add constraint operator_resets_operator FOREIGN KEY (operator_id) REFERENCES app.operators(id) ON DELETE CASCADE;
alter table app.operator_sessions add constraint operator_sessions_operator FOREIGN KEY (operator_id) REFERENCES app.operators(id) ON DELETE CASCADE;
alter table app.operator_tokens add constraint operator_tokens_operator FOREIGN KEY (created_by) REFERENCES app.operators(id) ON DELETE CASCADE;
alter table app.password_resets add constraint password_resets_user FOREIGN KEY (tenant_id, user_id) REFERENCES app.users(tenant_id, id) ON DELETE CASCADE;
alter table app.quota_overrides add constraint quota_overrides_tenant FOREIGN KEY (tenant_id) REFERENCES app.tenants(id);
alter table app.sessions add constraint sessions_user FOREIGN KEY (tenant_id, user_id) REFERENCES app.users(tenant_id, id) ON DELETE CASCADE;
alter table app.tenants add constraint tenants_plan FOREIGN KEY (plan) REFERENCES app.plans(name);
alter table app.usage_counters add constraint usage_counters_tenant FOREIGN KEY (tenant_id) REFERENCES app.tenants(id);
alter table app.users add constraint users_tenant FOREIGN KEY (tenant_id) REFERENCES app.tenants(id);

-- Indexes
CREATE INDEX access_log_by_actor ON ONLY app.access_log USING btree (actor_id, minute);
CREATE INDEX access_log_by_address ON ONLY app.access_log USING btree (address, minute);
CREATE INDEX access_log_newest ON ONLY app.access_log USING btree (minute);
CREATE INDEX alert_pending_by_rule ON app.alert_pending USING btree (rule);
CREATE INDEX alert_silences_newest ON app.alert_silences USING btree (created_at DESC, id DESC);
CREATE INDEX alert_silences_standing ON app.alert_silences USING btree (expires_at) WHERE (ended_at IS NULL);
CREATE INDEX alerts_by_tenant ON app.alerts USING btree (tenant_id, opened_at DESC);
CREATE INDEX alerts_newest ON app.alerts USING btree (opened_at DESC, id DESC);
CREATE INDEX alerts_of_fingerprint ON app.alerts USING btree (fingerprint, opened_at DESC);
CREATE INDEX alerts_resolved ON app.alerts USING btree (resolved_at) WHERE (status = 'resolved'::text);
CREATE UNIQUE INDEX alerts_unresolved ON app.alerts USING btree (fingerprint) WHERE (status <> 'resolved'::text);
CREATE INDEX alerts_unresolved_of_rule ON app.alerts USING btree (rule) WHERE (status <> 'resolved'::text);
CREATE INDEX audit_chains_by_batch ON app.audit_chains USING btree (batch);
CREATE INDEX audit_chains_suspect ON app.audit_chains USING btree (tenant_id) WHERE (suspect IS NOT NULL);
CREATE INDEX audit_log_by_action ON ONLY app.audit_log USING btree (tenant_id, action, at DESC, id DESC);
CREATE INDEX audit_log_by_resource ON ONLY app.audit_log USING btree (tenant_id, resource_type, resource_id, at DESC);
CREATE INDEX audit_log_changes ON ONLY app.audit_log USING btree (at DESC, id DESC) WHERE ((outcome = 'success'::text) AND (resource_type = ANY (ARRAY['tenant'::text, 'quota'::text, 'plan'::text, 'operator'::text, 'token'::text, 'contact'::text, 'alert_rule'::text, 'alert'::text, 'maintenance'::text, 'incident'::text, 'operation'::text, 'audit_log'::text, 'system'::text])) AND (action <> ALL (ARRAY['export'::text, 'backup'::text])));
CREATE INDEX audit_log_newest ON ONLY app.audit_log USING btree (at DESC, id DESC);
CREATE INDEX audit_log_not_successful ON ONLY app.audit_log USING btree (at) WHERE (outcome <> 'success'::text);
CREATE INDEX audit_log_to_review ON ONLY app.audit_log USING btree (at) WHERE ((action = ANY (ARRAY['export'::text, 'delete'::text, 'restore'::text, 'import'::text, 'drop'::text])) AND (resource_type = ANY (ARRAY['tenant'::text, 'audit_log'::text, 'system'::text])));
CREATE INDEX audit_log_written_by ON ONLY app.audit_log USING btree (written_by);
CREATE INDEX backup_facts_drilled ON app.backup_facts USING btree (last_drilled_at) WHERE (last_drilled_at IS NOT NULL);
CREATE INDEX backup_facts_verified ON app.backup_facts USING btree (last_verified_at) WHERE (last_verified_at IS NOT NULL);
CREATE INDEX backup_items_of_tenant ON app.backup_items USING btree (tenant_id, kind, at DESC) WHERE (outcome = 'ok'::text);
CREATE INDEX backup_runs_newest ON app.backup_runs USING btree (started_at DESC, kind DESC, run_id DESC);
CREATE INDEX changelog_entries_newest ON app.changelog_entries USING btree (at DESC, id DESC);
CREATE INDEX check_runs_newest ON app.check_runs USING btree (started_at DESC, id DESC);
CREATE INDEX check_runs_of_cadence ON app.check_runs USING btree (cadence, started_at DESC, id DESC);
CREATE INDEX customers_by_email ON app.customers USING btree (tenant_id, email, id);
CREATE INDEX customers_by_name ON app.customers USING btree (tenant_id, name, id);
CREATE INDEX customers_newest ON app.customers USING btree (tenant_id, created_at DESC, id DESC);
CREATE INDEX deliveries_due ON app.deliveries USING btree (channel_id, next_attempt_at) WHERE (status = 'pending'::text);
CREATE INDEX deliveries_newest ON app.deliveries USING btree (created_at DESC, id DESC);
CREATE INDEX deliveries_of_subject ON app.deliveries USING btree (subject_type, subject_id, created_at DESC);
CREATE INDEX deliveries_undelivered ON app.deliveries USING btree (status, created_at) WHERE (status = ANY (ARRAY['pending'::text, 'failed'::text]));
CREATE INDEX deliveries_under_way ON app.deliveries USING btree (channel_id) WHERE ((status = 'pending'::text) AND (lease_id IS NOT NULL));
CREATE INDEX error_groups_newest ON app.error_groups USING btree (last_seen_at DESC, fingerprint DESC);
CREATE INDEX idempotency_keys_by_age ON app.idempotency_keys USING btree (created_at);
CREATE INDEX idempotency_keys_by_tenant ON app.idempotency_keys USING btree (tenant_id);
CREATE INDEX incident_entries_in_order ON app.incident_entries USING btree (incident_id, at, recorded_at, id);
CREATE INDEX incidents_newest ON app.incidents USING btree (opened_at DESC, id DESC);
CREATE INDEX incidents_open ON app.incidents USING btree (opened_at) WHERE (closed_at IS NULL);
CREATE INDEX login_throttles_by_window ON app.login_throttles USING btree (window_started_at);
CREATE INDEX operations_by_heartbeat ON app.operations USING btree (heartbeat_at) WHERE (status = ANY (ARRAY['queued'::text, 'running'::text]));
CREATE INDEX operations_by_tenant ON app.operations USING btree (tenant_id, created_at DESC);
CREATE INDEX operations_failed ON app.operations USING btree (finished_at DESC) WHERE (status = 'failed'::text);
CREATE INDEX operations_newest ON app.operations USING btree (created_at DESC, id DESC);
CREATE INDEX operations_unfinished ON app.operations USING btree (status) WHERE (status = ANY (ARRAY['queued'::text, 'running'::text]));
CREATE INDEX operator_resets_by_operator ON app.operator_resets USING btree (operator_id);
CREATE INDEX operator_sessions_by_expiry ON app.operator_sessions USING btree (expires_at);
CREATE INDEX operator_sessions_by_operator ON app.operator_sessions USING btree (operator_id) WHERE (ended_at IS NULL);
CREATE INDEX operator_sessions_by_refresh_hash ON app.operator_sessions USING btree (refresh_hash);
CREATE INDEX operator_tokens_by_operator ON app.operator_tokens USING btree (created_by);
CREATE INDEX password_resets_by_user ON app.password_resets USING btree (tenant_id, user_id);
CREATE INDEX quota_overrides_ending ON app.quota_overrides USING btree (tenant_id, resource) WHERE (expires_at IS NOT NULL);
CREATE INDEX sessions_by_expiry ON app.sessions USING btree (expires_at);
CREATE INDEX sessions_by_refresh_hash ON app.sessions USING btree (tenant_id, refresh_hash);
CREATE INDEX sessions_by_user ON app.sessions USING btree (tenant_id, user_id) WHERE (ended_at IS NULL);
CREATE INDEX tenant_sizes_by_day ON app.tenant_sizes USING btree (day);
CREATE INDEX tenants_by_plan ON app.tenants USING btree (plan, created_at DESC, id DESC);
CREATE INDEX tenants_by_status ON app.tenants USING btree (status, created_at DESC, id DESC);
CREATE INDEX tenants_contact_search ON app.tenants USING btree (contact_email text_pattern_ops);
CREATE INDEX tenants_in_maintenance ON app.tenants USING btree (slug) WHERE (maintenance IS NOT NULL);
CREATE INDEX tenants_name_search ON app.tenants USING btree (lower(name) text_pattern_ops);
CREATE INDEX tenants_newest ON app.tenants USING btree (created_at DESC, id DESC);
CREATE UNIQUE INDEX tenants_slug ON app.tenants USING btree (slug) WHERE (status <> 'purged'::text);
CREATE INDEX tenants_slug_search ON app.tenants USING btree (slug text_pattern_ops);
CREATE INDEX tenants_to_purge ON app.tenants USING btree (purge_at) WHERE (status = 'deleted'::text);
CREATE INDEX usage_days_by_day ON app.usage_days USING btree (day);
CREATE INDEX usage_minutes_by_minute ON app.usage_minutes USING btree (minute);
CREATE INDEX usage_rollups_by_time ON app.usage_rollups USING btree (span, begins_at);
CREATE INDEX users_newest ON app.users USING btree (tenant_id, created_at DESC, id DESC);

-- Row-level security
alter table app.access_log enable row level security, force row level security;
alter table app.api_tokens enable row level security, force row level security;
alter table app.audit_chains enable row level security, force row level security;
alter table app.audit_details enable row level security, force row level security;
alter table app.audit_log enable row level security, force row level security;
alter table app.audit_seals enable row level security, force row level security;
alter table app.customers enable row level security, force row level security;
alter table app.filling_quotas enable row level security, force row level security;
alter table app.known_addresses enable row level security, force row level security;
alter table app.password_resets enable row level security, force row level security;
alter table app.quota_drift enable row level security, force row level security;
alter table app.quota_overrides enable row level security, force row level security;
alter table app.sessions enable row level security, force row level security;
alter table app.tenant_sizes enable row level security, force row level security;
alter table app.tenants enable row level security, force row level security;
alter table app.usage_counters enable row level security, force row level security;
alter table app.usage_days enable row level security, force row level security;
alter table app.usage_minutes enable row level security, force row level security;
alter table app.usage_rollups enable row level security, force row level security;
alter table app.users enable row level security, force row level security;

-- Policies
create policy tenancy_operator_read on app.access_log for select to operator using (true);
create policy tenancy_operator_write on app.access_log for all to operator using ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid)) with check ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid));
create policy tenancy_owner on app.access_log for all to owner using (true) with check (true);
create policy tenancy_tenant on app.access_log for all to tenant using ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid)) with check ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid));
create policy tenancy_operator_read on app.api_tokens for select to operator using (true);
create policy tenancy_operator_write on app.api_tokens for all to operator using ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid)) with check ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid));
create policy tenancy_owner on app.api_tokens for all to owner using (true) with check (true);
create policy tenancy_tenant on app.api_tokens for all to tenant using ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid)) with check ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid));
create policy tenancy_operator_read on app.audit_chains for select to operator using (true);
create policy tenancy_operator_write on app.audit_chains for all to operator using ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid)) with check ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid));
create policy tenancy_owner on app.audit_chains for all to owner using (true) with check (true);
create policy tenancy_tenant on app.audit_chains for all to tenant using ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid)) with check ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid));
create policy tenancy_operator_read on app.audit_details for select to operator using (true);
create policy tenancy_operator_write on app.audit_details for all to operator using ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid)) with check ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid));
create policy tenancy_owner on app.audit_details for all to owner using (true) with check (true);
create policy tenancy_tenant on app.audit_details for all to tenant using ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid)) with check ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid));
create policy tenancy_operator_read on app.audit_log for select to operator using (true);
create policy tenancy_operator_write on app.audit_log for all to operator using ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid)) with check ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid));
create policy tenancy_owner on app.audit_log for all to owner using (true) with check (true);
create policy tenancy_tenant on app.audit_log for all to tenant using ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid)) with check ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid));
create policy tenancy_operator_read on app.audit_seals for select to operator using (true);
create policy tenancy_operator_write on app.audit_seals for all to operator using ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid)) with check ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid));
create policy tenancy_owner on app.audit_seals for all to owner using (true) with check (true);
create policy tenancy_tenant on app.audit_seals for all to tenant using ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid)) with check ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid));
create policy tenancy_operator_read on app.customers for select to operator using (true);
create policy tenancy_operator_write on app.customers for all to operator using ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid)) with check ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid));
create policy tenancy_owner on app.customers for all to owner using (true) with check (true);
create policy tenancy_tenant on app.customers for all to tenant using ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid)) with check ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid));
create policy tenancy_operator_read on app.filling_quotas for select to operator using (true);
create policy tenancy_operator_write on app.filling_quotas for all to operator using ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid)) with check ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid));
create policy tenancy_owner on app.filling_quotas for all to owner using (true) with check (true);
create policy tenancy_tenant on app.filling_quotas for all to tenant using ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid)) with check ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid));
create policy tenancy_operator_read on app.known_addresses for select to operator using (true);
create policy tenancy_operator_write on app.known_addresses for all to operator using ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid)) with check ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid));
create policy tenancy_owner on app.known_addresses for all to owner using (true) with check (true);
create policy tenancy_tenant on app.known_addresses for all to tenant using ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid)) with check ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid));
create policy tenancy_operator_read on app.password_resets for select to operator using (true);
create policy tenancy_operator_write on app.password_resets for all to operator using ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid)) with check ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid));
create policy tenancy_owner on app.password_resets for all to owner using (true) with check (true);
create policy tenancy_tenant on app.password_resets for all to tenant using ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid)) with check ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid));
create policy tenancy_operator_read on app.quota_drift for select to operator using (true);
create policy tenancy_operator_write on app.quota_drift for all to operator using ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid)) with check ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid));
create policy tenancy_owner on app.quota_drift for all to owner using (true) with check (true);
create policy tenancy_tenant on app.quota_drift for all to tenant using ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid)) with check ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid));
create policy tenancy_operator_read on app.quota_overrides for select to operator using (true);
create policy tenancy_operator_write on app.quota_overrides for all to operator using ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid)) with check ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid));
create policy tenancy_owner on app.quota_overrides for all to owner using (true) with check (true);
create policy tenancy_tenant on app.quota_overrides for all to tenant using ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid)) with check ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid));
create policy tenancy_operator_read on app.sessions for select to operator using (true);
create policy tenancy_operator_write on app.sessions for all to operator using ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid)) with check ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid));
create policy tenancy_owner on app.sessions for all to owner using (true) with check (true);
create policy tenancy_tenant on app.sessions for all to tenant using ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid)) with check ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid));
create policy tenancy_operator_read on app.tenant_sizes for select to operator using (true);
create policy tenancy_operator_write on app.tenant_sizes for all to operator using ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid)) with check ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid));
create policy tenancy_owner on app.tenant_sizes for all to owner using (true) with check (true);
create policy tenancy_tenant on app.tenant_sizes for all to tenant using ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid)) with check ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid));
create policy tenancy_operator_read on app.tenants for select to operator using (true);
create policy tenancy_operator_write on app.tenants for all to operator using ((id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid)) with check ((id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid));
create policy tenancy_owner on app.tenants for all to owner using (true) with check (true);
create policy tenancy_tenant on app.tenants for all to tenant using ((id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid)) with check ((id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid));
create policy tenancy_operator_read on app.usage_counters for select to operator using (true);
create policy tenancy_operator_write on app.usage_counters for all to operator using ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid)) with check ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid));
create policy tenancy_owner on app.usage_counters for all to owner using (true) with check (true);
create policy tenancy_tenant on app.usage_counters for all to tenant using ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid)) with check ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid));
create policy tenancy_operator_read on app.usage_days for select to operator using (true);
create policy tenancy_operator_write on app.usage_days for all to operator using ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid)) with check ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid));
create policy tenancy_owner on app.usage_days for all to owner using (true) with check (true);
create policy tenancy_tenant on app.usage_days for all to tenant using ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid)) with check ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid));
create policy tenancy_operator_read on app.usage_minutes for select to operator using (true);
create policy tenancy_operator_write on app.usage_minutes for all to operator using ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid)) with check ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid));
create policy tenancy_owner on app.usage_minutes for all to owner using (true) with check (true);
create policy tenancy_tenant on app.usage_minutes for all to tenant using ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid)) with check ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid));
create policy tenancy_operator_read on app.usage_rollups for select to operator using (true);
create policy tenancy_operator_write on app.usage_rollups for all to operator using ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid)) with check ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid));
create policy tenancy_owner on app.usage_rollups for all to owner using (true) with check (true);
create policy tenancy_tenant on app.usage_rollups for all to tenant using ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid)) with check ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid));
create policy tenancy_operator_read on app.users for select to operator using (true);
create policy tenancy_operator_write on app.users for all to operator using ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid)) with check ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid));
create policy tenancy_owner on app.users for all to owner using (true) with check (true);
create policy tenancy_tenant on app.users for all to tenant using ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid)) with check ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid));

-- Grants
grant delete, insert, select, update on table app.alert_evaluations to operator;
grant delete, insert, select, update on table app.alert_pending to operator;
grant delete, insert, select, update on table app.alert_rules to operator;
grant delete, insert, select, update on table app.alert_silences to operator;
grant delete, insert, select, update on table app.alerts to operator;
grant delete, insert, select, update on table app.api_tokens to operator;
grant delete, insert, select, update on table app.api_tokens to tenant;
grant delete, insert, select, update on table app.audit_details to operator;
grant delete, insert, select, update on table app.backup_facts to operator;
grant delete, insert, select, update on table app.backup_items to operator;
grant delete, insert, select, update on table app.backup_lease to operator;
grant delete, insert, select, update on table app.backup_runs to operator;
grant delete, insert, select, update on table app.changelog_entries to operator;
grant delete, insert, select, update on table app.check_runs to operator;
grant delete, insert, select, update on table app.contact_channels to operator;
grant delete, insert, select, update on table app.contacts to operator;
grant delete, insert, select, update on table app.customers to operator;
grant delete, insert, select, update on table app.customers to tenant;
grant delete, insert, select, update on table app.daily_facts to operator;
grant delete, insert, select, update on table app.deliveries to operator;
grant delete, insert, select, update on table app.delivery_attempts to operator;
grant delete, insert, select, update on table app.error_groups to operator;
grant delete, insert, select, update on table app.filling_quotas to operator;
grant delete, insert, select, update on table app.filling_quotas to tenant;
grant delete, insert, select, update on table app.host_readings to operator;
grant delete, insert, select, update on table app.hourly_requests to operator;
grant delete, insert, select, update on table app.idempotency_keys to operator;
grant delete, insert, select, update on table app.known_addresses to operator;
grant delete, insert, select, update on table app.known_addresses to tenant;
grant delete, insert, select, update on table app.legal_holds to operator;
grant delete, insert, select, update on table app.login_throttles to operator;
grant delete, insert, select, update on table app.operations to operator;
grant delete, insert, select, update on table app.operator_resets to operator;
grant delete, insert, select, update on table app.operator_sessions to operator;
grant delete, insert, select, update on table app.operator_tokens to operator;
grant delete, insert, select, update on table app.operators to operator;
grant delete, insert, select, update on table app.password_resets to operator;
grant delete, insert, select, update on table app.password_resets to tenant;
grant delete, insert, select, update on table app.plans to operator;
grant delete, insert, select, update on table app.quota_drift to operator;
grant delete, insert, select, update on table app.quota_drift to tenant;
grant delete, insert, select, update on table app.quota_overrides to operator;
grant delete, insert, select, update on table app.quota_round to operator;
grant delete, insert, select, update on table app.sessions to operator;
grant delete, insert, select, update on table app.sessions to tenant;
grant delete, insert, select, update on table app.system_maintenance to operator;
grant delete, insert, select, update on table app.task_runs to operator;
grant delete, insert, select, update on table app.usage_counters to operator;
grant delete, insert, select, update on table app.usage_counters to tenant;
grant delete, insert, select, update on table app.users to operator;
grant delete, insert, select, update on table app.users to tenant;
grant insert, select on table app.audit_details to tenant;
grant insert, select on table app.audit_log to operator;
grant insert, select on table app.audit_log to tenant;
grant insert, select on table app.incident_entries to operator;
grant insert, select, update on table app.incidents to operator;
grant insert, select, update on table app.tenant_sizes to operator;
grant insert, select, update on table app.tenant_sizes to tenant;
grant insert, select, update on table app.tenants to operator;
grant insert, select, update on table app.usage_days to operator;
grant insert, select, update on table app.usage_days to tenant;
grant insert, select, update on table app.usage_minutes to operator;
grant insert, select, update on table app.usage_minutes to tenant;
grant select on table app.access_log to operator;
grant select on table app.access_log to tenant;
grant select on table app.audit_chains to operator;
grant select on table app.audit_chains to tenant;
grant select on table app.audit_register to operator;
grant select on table app.audit_sealer to operator;
grant select on table app.audit_seals to operator;
grant select on table app.audit_seals to tenant;
grant select on table app.plans to tenant;
grant select on table app.quota_overrides to tenant;
grant select on table app.system_maintenance to tenant;
grant select on table app.tenants to tenant;
grant select on table app.usage_rollups to operator;
grant select on table app.usage_rollups to tenant;
grant select on table tenancy.migrations to operator;
grant select on table tenancy.table_classes to operator;
grant usage on schema app to operator;
grant usage on schema app to tenant;
grant usage on schema tenancy to operator;
grant usage on schema tenancy to tenant;

-- Functions (the body by its digest)
-- app.add_accesses(lines json): volatile, runs as its owner, search_path=pg_catalog, pg_temp; body 34228680
grant execute on function app.add_accesses to operator;
-- app.add_errors(lines json): volatile, runs as its caller, search_path=pg_catalog, pg_temp; body bd49666a
grant execute on function app.add_errors to operator;
-- app.append_audit_seals(seals json, heads json, register json, reached json): volatile, runs as its owner, search_path=pg_catalog, pg_temp; body a1908880
grant execute on function app.append_audit_seals to operator;
-- app.audit_announced(batch bigint): volatile, runs as its owner, search_path=pg_catalog, pg_temp; body c1e2238d
grant execute on function app.audit_announced to operator;
-- app.audit_retention_obstacles(cutoff timestamp with time zone): stable, runs as its owner, search_path=pg_catalog, pg_temp; body 9485c52b
grant execute on function app.audit_retention_obstacles to operator;
-- app.drop_audit_rows(cutoff timestamp with time zone, register json): volatile, runs as its owner, search_path=pg_catalog, pg_temp, lock_timeout=5s; body a5b4f822
grant execute on function app.drop_audit_rows to operator;
-- app.drop_old_accesses(): volatile, runs as its owner, search_path=pg_catalog, pg_temp, lock_timeout=2s; body 93959419
grant execute on function app.drop_old_accesses to operator;
-- app.drop_old_usage(): volatile, runs as its owner, search_path=pg_catalog, pg_temp; body 5af0508d
grant execute on function app.drop_old_usage to operator;
-- app.enter_write(tenant uuid): volatile, runs as its caller, search_path=pg_catalog, pg_temp; body 2ae9687d
grant execute on function app.enter_write to operator;
grant execute on function app.enter_write to tenant;
-- app.forget_old_errors(): volatile, runs as its caller, search_path=pg_catalog, pg_temp; body 0842a67a
grant execute on function app.forget_old_errors to operator;
-- app.is_canary(tenant uuid): immutable, runs as its caller; body 8225d76e
grant execute on function app.is_canary to operator;
grant execute on function app.is_canary to tenant;
-- app.judge_use(tenant uuid, resource text, amount bigint, now_used bigint, allowed bigint): volatile, runs as its caller, search_path=pg_catalog, pg_temp; body 29981fcb
grant execute on function app.judge_use to operator;
grant execute on function app.judge_use to tenant;
-- app.maintenance_stands(maintenance jsonb): stable, runs as its caller; body 3d05d16e
grant execute on function app.maintenance_stands to operator;
grant execute on function app.maintenance_stands to tenant;
-- app.move_audit_sealer(reached json): volatile, runs as its owner, search_path=pg_catalog, pg_temp; body 819be64f
grant execute on function app.move_audit_sealer to operator;
-- app.new_audit_rows(seen pg_snapshot, target pg_snapshot, after_at timestamp with time zone, after_id uuid, most integer): stable, runs as its caller, search_path=pg_catalog, pg_temp, enable_seqscan=off; body 28bc4844
grant execute on function app.new_audit_rows to operator;
grant execute on function app.new_audit_rows to tenant;
-- app.note_filling(tenant uuid): volatile, runs as its caller, search_path=pg_catalog, pg_temp; body 14b33c24
grant execute on function app.note_filling to operator;
grant execute on function app.note_filling to tenant;
-- app.note_filling_of_plan(plan_name text): volatile, runs as its owner, search_path=pg_catalog, pg_temp; body de71621e
grant execute on function app.note_filling_of_plan to operator;
-- app.open_transactions(): stable, runs as its owner, search_path=pg_catalog, pg_temp; body 329fed66
grant execute on function app.open_transactions to operator;
-- app.operator_session(session uuid, operator uuid): stable, runs as its caller, search_path=pg_catalog, pg_temp; body 90f1651f
grant execute on function app.operator_session to operator;
-- app.operator_token(hash bytea, scope text): stable, runs as its caller, search_path=pg_catalog, pg_temp; body 0a9cbf84
grant execute on function app.operator_token to operator;
-- app.quota_limit(tenant uuid, resource text): stable, runs as its caller, search_path=pg_catalog, pg_temp; body 07c41e0e
grant execute on function app.quota_limit to operator;
grant execute on function app.quota_limit to tenant;
-- app.quota_used(tenant uuid, resource text): stable, runs as its caller, search_path=pg_catalog, pg_temp; body 5133c1c0
grant execute on function app.quota_used to operator;
grant execute on function app.quota_used to tenant;
-- app.read_as_export(tenant uuid): stable, runs as its caller, search_path=pg_catalog, pg_temp; body dbb123ae
grant execute on function app.read_as_export to operator;
grant execute on function app.read_as_export to tenant;
-- app.read_as_operator(tenant uuid): stable, runs as its caller, search_path=pg_catalog, pg_temp; body f5bdb056
grant execute on function app.read_as_operator to operator;
grant execute on function app.read_as_operator to tenant;
-- app.read_as_token(tenant uuid, token_hash bytea, scope text, writes boolean): stable, runs as its caller, search_path=pg_catalog, pg_temp; body 3e34c9e9
grant execute on function app.read_as_token to tenant;
-- app.read_as_user(tenant uuid, session uuid, usr uuid, role text, writes boolean): stable, runs as its caller, search_path=pg_catalog, pg_temp; body bc036aea
grant execute on function app.read_as_user to tenant;
-- app.refuse(code text, message text, hint text): immutable, runs as its caller, search_path=pg_catalog, pg_temp; body 104c43f5
grant execute on function app.refuse to operator;
grant execute on function app.refuse to tenant;
-- app.refuse_maintenance(whose text, maintenance jsonb, writes boolean): stable, runs as its caller, search_path=pg_catalog, pg_temp; body d9bdba3f
grant execute on function app.refuse_maintenance to tenant;
-- app.require_serving(tenant uuid, writes boolean, absent_code text, absent_message text, absent_hint text): stable, runs as its caller, search_path=pg_catalog, pg_temp; body c005d1ce
grant execute on function app.require_serving to tenant;
-- app.roll_up_slice(source text, begins text, condition text, before timestamp with time zone, into_span text, step interval, most integer): volatile, runs as its caller, search_path=pg_catalog, pg_temp; body 7f0dc372
-- app.roll_up_usage(most integer): volatile, runs as its owner, search_path=pg_catalog, pg_temp; body 4f83258a
grant execute on function app.roll_up_usage to operator;
-- app.sees_transactions(): stable, runs as its owner, search_path=pg_catalog, pg_temp; body a2e6f084
grant execute on function app.sees_transactions to operator;
-- app.token_actor(tenant uuid, hash bytea): stable, runs as its caller, search_path=pg_catalog, pg_temp; body d919b607
grant execute on function app.token_actor to operator;
grant execute on function app.token_actor to tenant;
-- app.trim_audit_chains(heads json): volatile, runs as its owner, search_path=pg_catalog, pg_temp; body 48e99dfc
grant execute on function app.trim_audit_chains to operator;
-- app.use_one(tenant uuid, resource text, bytes bigint): volatile, runs as its caller, search_path=pg_catalog, pg_temp; body 5f4837f8
grant execute on function app.use_one to operator;
grant execute on function app.use_one to tenant;
-- app.use_quota(tenant uuid, resource text, amount bigint): volatile, runs as its caller, search_path=pg_catalog, pg_temp; body eb4dc3b8
grant execute on function app.use_quota to operator;
grant execute on function app.use_quota to tenant;
-- app.write_as_job(tenant uuid): volatile, runs as its caller, search_path=pg_catalog, pg_temp; body eda5c773
grant execute on function app.write_as_job to operator;
grant execute on function app.write_as_job to tenant;
-- app.write_as_lifecycle(tenant uuid): volatile, runs as its caller, search_path=pg_catalog, pg_temp; body a1767dcb
grant execute on function app.write_as_lifecycle to operator;
-- app.write_as_login(tenant uuid): volatile, runs as its caller, search_path=pg_catalog, pg_temp; body 6177b62d
grant execute on function app.write_as_login to tenant;
-- app.write_as_operator(tenant uuid): volatile, runs as its caller, search_path=pg_catalog, pg_temp; body 811c1db7
grant execute on function app.write_as_operator to operator;
grant execute on function app.write_as_operator to tenant;
-- app.write_as_token(tenant uuid, token_hash bytea, scope text, records boolean): volatile, runs as its caller, search_path=pg_catalog, pg_temp; body 2f7f5700
grant execute on function app.write_as_token to tenant;
-- app.write_as_user(tenant uuid, session uuid, usr uuid, role text, records boolean): volatile, runs as its caller, search_path=pg_catalog, pg_temp; body 4713d3ca
grant execute on function app.write_as_user to tenant;
-- tenancy.classify(tbl regclass, new_class text, secret text[], is_transient boolean): volatile, runs as its caller, search_path=pg_catalog, pg_temp; body 1282839b
-- tenancy.distribute(tbl regclass, by_tenant boolean): volatile, runs as its caller, search_path=pg_catalog, pg_temp; body 04ad7623
-- tenancy.ensure_access_partitions(days integer): volatile, runs as its owner, search_path=pg_catalog, pg_temp, lock_timeout=5s; body de759219
grant execute on function tenancy.ensure_access_partitions to operator;
-- tenancy.ensure_audit_partitions(months integer): volatile, runs as its owner, search_path=pg_catalog, pg_temp; body 3c3411eb
grant execute on function tenancy.ensure_audit_partitions to operator;
-- tenancy.global(tbl regclass, tenant_may text): volatile, runs as its caller, search_path=pg_catalog, pg_temp; body e0dafe64
-- tenancy.grant_roles(tbl regclass, tenant_may text, operator_may text): volatile, runs as its caller, search_path=pg_catalog, pg_temp; body c7e59a04
-- tenancy.has_citus(): stable, runs as its caller; body ceaa5851
grant execute on function tenancy.has_citus to operator;
-- tenancy.lock_key(tenant uuid): immutable, runs as its caller; body 9cf3412f
grant execute on function tenancy.lock_key to operator;
grant execute on function tenancy.lock_key to tenant;
-- tenancy.privileges(list text): immutable, runs as its caller, search_path=pg_catalog, pg_temp; body 47d90511
-- tenancy.problems(tbl regclass): stable, runs as its caller, search_path=pg_catalog, pg_temp; body 64fc9d6b
grant execute on function tenancy.problems to operator;
-- tenancy.protect(tbl regclass, secret text[], transient boolean, tenant_may text): volatile, runs as its caller, search_path=pg_catalog, pg_temp; body 905b988d
-- tenancy.raise_sequence(seq regclass, reached bigint): volatile, runs as its owner, search_path=pg_catalog, pg_temp; body f46dac10
grant execute on function tenancy.raise_sequence to operator;
-- tenancy.refuse_problems(tbl regclass): volatile, runs as its caller, search_path=pg_catalog, pg_temp; body 30fcbe2d
-- tenancy.retain(tbl regclass, tenant_may text): volatile, runs as its caller, search_path=pg_catalog, pg_temp; body 27aea5db
-- tenancy.seal(tbl regclass, tenant_column text): volatile, runs as its caller, search_path=pg_catalog, pg_temp; body 37004fb9
-- tenancy.shape(): stable, runs as its owner, search_path=pg_catalog, pg_temp; body 8a6b0919
grant execute on function tenancy.shape to operator;
grant execute on function tenancy.shape to tenant;
-- tenancy.take(tbl regclass): volatile, runs as its caller, search_path=pg_catalog, pg_temp; body b1aac27e
-- tenancy.unclassified(): stable, runs as its caller, search_path=pg_catalog, pg_temp; body 579eb638
grant execute on function tenancy.unclassified to operator;

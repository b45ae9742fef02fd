import type { ColumnType, Generated, Insertable, Selectable, Updateable } from "kysely";

/** `timestamptz(3)`: a Date when read; a Date or ISO 8601 text when written. */
type Time = ColumnType<Date, Date | string, Date | string>;
type TimeOrNull = ColumnType<Date | null, Date | string | null | undefined, Date | string | null>;
type DefaultTime = ColumnType<Date, Date | string | undefined, Date | string>;
/** `jsonb`: parsed when read, JSON text when written (`JSON.stringify(value)`). */
type Json<T = unknown> = ColumnType<T, string, string>;
type JsonOrNull<T = unknown> = ColumnType<T | null, string | null | undefined, string | null>;
/** `bigint`: a number when read, for every one of ours is within 2^53; reading one beyond it is an error. */
type Int8 = number;

export type TenantStatus = "active" | "suspended" | "cancelled" | "deleted" | "purged";
export type UserRole = "tenant_admin" | "support_agent";
export type QuotaResource = "users" | "customers" | "storage_bytes" | "api_requests_per_day";
export type AuditOutcome = "success" | "failure" | "denied";
export type ActorType = "user" | "operator" | "token" | "system" | "local" | "anonymous";
export type OperationStatus = "queued" | "running" | "succeeded" | "failed" | "cancelled";
export type AlertStatus = "open" | "acknowledged" | "resolved";
export type AlertSeverity = "info" | "warning" | "critical";

/** Global; the tenant role may read it. In every limit null is "unlimited". */
export interface PlansTable {
  name: string;
  display_name: string;
  users_limit: Int8 | null;
  customers_limit: Int8 | null;
  storage_bytes_limit: Int8 | null;
  api_requests_per_day_limit: Int8 | null;
  requests_per_minute: number | null;
  updated_at: DefaultTime;
}

/** The registry: the tenant role sees its own row only. */
export interface TenantsTable {
  id: string;
  slug: string;
  name: string;
  status: Generated<TenantStatus>;
  plan: string;
  contact_email: string | null;
  status_reason: string | null;
  status_changed_at: DefaultTime;
  previous_status: "active" | "suspended" | "cancelled" | null;
  created_at: DefaultTime;
  updated_at: DefaultTime;
  deleted_at: TimeOrNull;
  purge_at: TimeOrNull;
  purged_at: TimeOrNull;
  hold: JsonOrNull;
  maintenance: JsonOrNull;
}

/** Global; tenants may read it. One row. */
export interface SystemMaintenanceTable {
  single: Generated<true>;
  maintenance: JsonOrNull;
}

/** Global. What operators wrote down themselves. */
export interface ChangelogEntriesTable {
  id: string;
  at: DefaultTime;
  change: string;
  about_tenant: string | null;
  operator: string;
  created_at: DefaultTime;
}

export interface UsersTable {
  tenant_id: string;
  id: string;
  email: string;
  name: string;
  role: UserRole;
  password_hash: string | null;
  must_change_password: Generated<boolean>;
  disabled_at: TimeOrNull;
  password_changed_at: TimeOrNull;
  last_login_at: TimeOrNull;
  created_at: DefaultTime;
  updated_at: DefaultTime;
}

export interface CustomersTable {
  tenant_id: string;
  id: string;
  name: string;
  email: string | null;
  phone: string | null;
  notes: string | null;
  balance_minor: Generated<Int8>;
  currency: Generated<string>;
  created_at: DefaultTime;
  updated_at: DefaultTime;
}

interface SessionColumns {
  id: string;
  refresh_hash: Buffer;
  previous_hash: Buffer | null;
  rotated_at: TimeOrNull;
  expires_at: Time;
  ended_at: TimeOrNull;
  end_reason: string | null;
  created_at: DefaultTime;
  address: string | null;
  user_agent: string | null;
}

export interface SessionsTable extends SessionColumns {
  tenant_id: string;
  user_id: string;
}

export interface ApiTokensTable {
  tenant_id: string;
  id: string;
  name: string;
  token_hash: Buffer;
  scopes: string[];
  created_by_type: "user" | "operator";
  created_by: string;
  created_by_name: string;
  created_at: DefaultTime;
  expires_at: TimeOrNull;
  revoked_at: TimeOrNull;
  last_used_at: TimeOrNull;
}

interface ResetColumns {
  id: string;
  secret_hash: Buffer;
  created_at: DefaultTime;
  expires_at: Time;
  used_at: TimeOrNull;
}

export interface PasswordResetsTable extends ResetColumns {
  tenant_id: string;
  user_id: string;
}

/** Operators' rows carry the system tenant. */
export interface KnownAddressesTable {
  tenant_id: string;
  account_id: string;
  address: string;
  last_login_at: DefaultTime;
}

export interface OperatorsTable {
  id: string;
  email: string;
  name: string;
  password_hash: string | null;
  must_change_password: Generated<boolean>;
  disabled_at: TimeOrNull;
  password_changed_at: TimeOrNull;
  last_login_at: TimeOrNull;
  created_at: DefaultTime;
}

export interface OperatorSessionsTable extends SessionColumns {
  operator_id: string;
}

export interface OperatorTokensTable {
  id: string;
  name: string;
  token_hash: Buffer;
  scopes: string[];
  /** The operator who made it: disabling them ends the token. */
  created_by: string;
  created_at: DefaultTime;
  expires_at: TimeOrNull;
  revoked_at: TimeOrNull;
  last_used_at: TimeOrNull;
}

export interface OperatorResetsTable extends ResetColumns {
  operator_id: string;
}

export interface LoginThrottlesTable {
  key: string;
  failures: Generated<number>;
  window_started_at: DefaultTime;
  blocked_until: TimeOrNull;
}

export interface IdempotencyKeysTable {
  actor: string;
  key_hash: Buffer;
  request_hash: Buffer;
  status: number | null;
  response: JsonOrNull;
  created_at: DefaultTime;
  /** Of the tenant the answer is about, so that it goes with it. */
  tenant_id: string | null;
}

/** Retained; the serving roles may insert and select, nothing else. */
export interface AuditLogTable {
  tenant_id: string;
  at: DefaultTime;
  id: string;
  action: string;
  resource_type: string;
  resource_id: string | null;
  outcome: AuditOutcome;
  actor_type: ActorType;
  actor_id: string | null;
  actor_name: string | null;
  address: string | null;
  request_id: string | null;
  occurrences: Generated<number>;
  detail: string | null;
  details_digest: Buffer | null;
  /** The transaction that wrote it; null in rows from before seals. */
  written_by: Generated<string | null>;
}

/** Retained; appended to by `app.append_audit_seals` alone. */
export interface AuditSealsTable {
  tenant_id: string;
  sequence: Int8;
  audit_id: string;
  at: Time;
  row_digest: Buffer;
  hash: Buffer;
  key_id: string;
  batch: Int8;
  not_before: TimeOrNull;
  sealed_at: Time;
}

/** Retained: the head and the base of each tenant's chain of seals. */
export interface AuditChainsTable {
  tenant_id: string;
  sequence: Int8;
  hash: Buffer;
  base_sequence: Generated<Int8>;
  base_hash: Buffer;
  batch: Int8;
  key_id: string;
  mac: Buffer | null;
  suspect: Int8 | null;
}

/** One row. */
export interface AuditRegisterTable {
  single: Generated<true>;
  chains: Generated<Int8>;
  rows: Generated<Int8>;
  batch: Generated<Int8>;
  dropped_before: TimeOrNull;
  key_id: string | null;
  mac: Buffer | null;
  announced_batch: Generated<Int8>;
}

/** One row; snapshots are PostgreSQL's text. */
export interface AuditSealerTable {
  single: Generated<true>;
  seen: string | null;
  seen_at: TimeOrNull;
  target: string | null;
  resume_at: TimeOrNull;
  resume_id: string | null;
  skipped: Generated<boolean>;
}

export interface AuditDetailsTable {
  tenant_id: string;
  audit_id: string;
  at: DefaultTime;
  before: JsonOrNull;
  after: JsonOrNull;
}

/** The tenant role may only read it. A null limit is "unlimited". */
export interface QuotaOverridesTable {
  tenant_id: string;
  resource: QuotaResource;
  quota_limit: Int8 | null;
  reason: string;
  expires_at: TimeOrNull;
  set_by: Json;
  created_at: DefaultTime;
}

export interface UsageCountersTable {
  tenant_id: string;
  resource: string;
  used: Generated<Int8>;
  counted_at: DefaultTime;
}

/** Of which half is used or more, and some that were. Written by `app.use_quota()` and `app.note_filling()` only. */
export interface FillingQuotasTable {
  tenant_id: string;
  resource: QuotaResource;
}

/** Counters that are not what was counted. */
export interface QuotaDriftTable {
  tenant_id: string;
  resource: QuotaResource;
  counter: Int8;
  counted: Int8;
  found_at: DefaultTime;
  seen_at: DefaultTime;
}

export interface QuotaRoundTable {
  single: Generated<boolean>;
  changes_until: TimeOrNull;
  after_tenant: string | null;
  completed_at: TimeOrNull;
}

export interface UsageMinutesTable {
  tenant_id: string;
  minute: Time;
  route_group: Generated<string>;
  requests: Generated<Int8>;
  errors: Generated<Int8>;
  client_errors: Generated<Int8>;
  latency_buckets: Generated<Int8[]>;
  /** Not counted. */
  rows: Generated<Int8>;
  bytes: Generated<Int8>;
  duration_ms: Generated<Int8>;
}

/** Older use: by the hour for 35 days, by the day for 400. Written by `app.roll_up_usage()` only. */
export interface UsageRollupsTable {
  tenant_id: string;
  span: "hour" | "day";
  begins_at: Time;
  route_group: Generated<string>;
  requests: Generated<Int8>;
  errors: Generated<Int8>;
  client_errors: Generated<Int8>;
  latency_buckets: Generated<Int8[]>;
  bytes: Generated<Int8>;
  duration_ms: Generated<Int8>;
}

export interface TenantSizesTable {
  tenant_id: string;
  /** `YYYY-MM-DD`, UTC. */
  day: string;
  rows: Int8 | null;
  bytes: Generated<Int8>;
  counted_at: DefaultTime;
}

export interface UsageDaysTable {
  tenant_id: string;
  /** `YYYY-MM-DD`, UTC. */
  day: string;
  api_requests: Generated<Int8>;
}

export interface OperationsTable {
  id: string;
  kind: string;
  tenant_id: string | null;
  tenant_slug: string | null;
  status: Generated<OperationStatus>;
  plan: JsonOrNull;
  progress: JsonOrNull;
  result: JsonOrNull;
  error: JsonOrNull;
  requested_by: Json;
  created_at: DefaultTime;
  started_at: TimeOrNull;
  finished_at: TimeOrNull;
  heartbeat_at: TimeOrNull;
}

/** Times ending in `_ms` are on the clock of the alert's rule: `alert_evaluations.watched_ms`. */
export interface AlertsTable {
  id: string;
  rule: string;
  tenant_id: string | null;
  fingerprint: string;
  severity: AlertSeverity;
  status: Generated<AlertStatus>;
  summary: string;
  evidence: ColumnType<unknown, string | undefined, string>;
  next_step: string;
  opened_at: DefaultTime;
  acknowledged_at: TimeOrNull;
  acknowledged_by: string | null;
  note: string | null;
  resolved_at: TimeOrNull;
  last_seen_at: DefaultTime;
  value: number | null;
  run: Generated<Int8>;
  seen_ms: Generated<Int8>;
  page_due_ms: Int8 | null;
  notified_at: TimeOrNull;
  tried_ms: Int8 | null;
  escalated_at: TimeOrNull;
  resolved_by: string | null;
  resolved_ms: Int8 | null;
  reopened: Generated<number>;
}

export interface AlertRulesTable {
  name: string;
  metric: string;
  about: string;
  threshold: number;
  critical_threshold: number | null;
  hands_over_at: number | null;
  hold_seconds: Generated<number>;
  clear_after_seconds: Generated<number>;
  severity: AlertSeverity;
  notify: Generated<string[]>;
  escalate_after_seconds: number | null;
  enabled: Generated<boolean>;
  shipped: JsonOrNull;
  updated_at: DefaultTime;
  updated_by: string | null;
}

export interface AlertEvaluationsTable {
  rule: string;
  run: Generated<Int8>;
  watched_ms: Generated<Int8>;
  evaluated_at: DefaultTime;
  duration_ms: Generated<number>;
  holding: Generated<Int8>;
  withheld: Generated<Int8>;
  unavailable: string | null;
  error: string | null;
  failures: Generated<number>;
}

export interface AlertPendingTable {
  fingerprint: string;
  rule: string;
  since_ms: Int8;
  run: Int8;
}

/** What is null counts for any. */
export interface AlertSilencesTable {
  id: string;
  about_rule: string | null;
  about_fingerprint: string | null;
  about_tenant: string | null;
  reason: string;
  created_at: DefaultTime;
  created_by: string;
  expires_at: Time;
  ended_at: TimeOrNull;
  ended_by: string | null;
}

export interface HostReadingsTable {
  host: string;
  metric: string;
  subject: string;
  value: number | null;
  problem: string | null;
  evidence: ColumnType<unknown, string | undefined, string>;
  read_at: DefaultTime;
}

/** Global. A run of a checklist, kept whole. */
export interface CheckRunsTable {
  id: string;
  cadence: "daily" | "weekly" | "monthly";
  since: Time;
  started_at: Time;
  finished_at: DefaultTime;
  run_by: string | null;
  items: Json;
  figures: Json;
  signed_off_at: TimeOrNull;
  signed_off_by: string | null;
  note: string | null;
}

/** Global. The whole system on one day; null: it could not be seen. */
export interface DailyFactsTable {
  day: string;
  tenants: Int8;
  users: Int8;
  customers: Int8;
  rows: Int8 | null;
  bytes: Int8;
  database_bytes: Int8;
  connections: number;
  connections_limit: number;
  disk_bytes: Int8 | null;
  disk_limit_bytes: Int8 | null;
  read_at: DefaultTime;
}

/** Global. */
export interface HourlyRequestsTable {
  hour: Time;
  requests: Int8;
  errors: Int8;
}

/** One row per background task that has ever run. */
export interface TaskRunsTable {
  task: string;
  succeeded_at: TimeOrNull;
  failing_since: TimeOrNull;
  error: string | null;
}

/** At most one row. */
export interface BackupLeaseTable {
  single: Generated<true>;
  id: string;
  holder: string;
  acquired_at: Time;
  expires_at: Time;
}

export interface BackupRunsTable {
  kind: "backup" | "verify" | "drill";
  run_id: string;
  repository: string;
  host: string;
  started_at: Time;
  finished_at: TimeOrNull;
  exit_code: Int8 | null;
  ok: Generated<Int8>;
  failed: Generated<Int8>;
  bytes: Generated<Int8>;
}

/** The system archive stands under the system tenant. */
export interface BackupItemsTable {
  kind: "backup" | "verify" | "drill";
  run_id: string;
  tenant_id: string;
  outcome: "ok" | "failed" | "gone";
  snapshot_at: TimeOrNull;
  bytes: Int8 | null;
  sha256: string | null;
  seconds: number | null;
  error: string | null;
  at: Time;
}

export interface BackupFactsTable {
  tenant_id: string;
  last_backup_at: TimeOrNull;
  last_backup_bytes: Int8 | null;
  last_verified_at: TimeOrNull;
  last_drilled_at: TimeOrNull;
}

export interface LegalHoldsTable {
  tenant_id: string;
  reason: string;
  set_by: string;
  set_at: DefaultTime;
}

export interface ContactsTable {
  id: string;
  name: string;
  role: "on_call" | "escalation" | "emergency" | "security";
  email: string | null;
  phone: string | null;
  minimum_severity: Generated<AlertSeverity>;
  signing_secret: string | null;
  previous_secret: string | null;
  previous_secret_until: TimeOrNull;
  created_at: DefaultTime;
  updated_at: DefaultTime;
}

export interface ContactChannelsTable {
  id: string;
  contact_id: string;
  kind: Generated<"webhook">;
  url: string;
  host: string;
  failing_since: TimeOrNull;
  disabled_at: TimeOrNull;
  created_at: DefaultTime;
}

export interface DeliveriesTable {
  id: string;
  channel_id: string | null;
  contact: string;
  host: string;
  event: string;
  severity: AlertSeverity;
  subject_type: string;
  subject_id: string;
  body: string;
  status: Generated<"pending" | "delivered" | "failed" | "cancelled">;
  attempts: Generated<number>;
  last_status: number | null;
  last_error: string | null;
  created_at: DefaultTime;
  started_at: DefaultTime;
  next_attempt_at: DefaultTime;
  lease_id: string | null;
  lease_until: TimeOrNull;
  finished_at: TimeOrNull;
}

export interface DeliveryAttemptsTable {
  delivery_id: string;
  id: string;
  at: DefaultTime;
  duration_ms: number;
  status: number | null;
  error: string | null;
}

export interface ErrorGroupsTable {
  fingerprint: string;
  code: string;
  error: string;
  source: "request" | "stream" | "job";
  place: string;
  expected: boolean;
  message: string;
  stack: string | null;
  request_id: string | null;
  version: string;
  occurrences: Int8;
  tenant_ids: Generated<string[]>;
  first_seen_at: Time;
  last_seen_at: Time;
  resolved_at: TimeOrNull;
  resolved_by: string | null;
  reopened_at: TimeOrNull;
}

/** Retained; the serving roles may read it, and add to it through app.add_accesses alone. */
export interface AccessLogTable {
  tenant_id: string;
  minute: Time;
  actor_type: "user" | "operator" | "token" | "overflow";
  actor_id: string;
  actor_name: string | null;
  route: string;
  address: string;
  requests: Int8;
  first_request_id: string;
  last_request_id: string;
}

/** Global. */
export interface IncidentsTable {
  id: string;
  kind: "system-down" | "data-breach" | "data-loss";
  title: string | null;
  affected: Json;
  about_tenants: string[];
  unknown_tenants: string[];
  all_tenants: boolean;
  opened_at: DefaultTime;
  opened_by: string | null;
  closed_at: TimeOrNull;
  closed_by: string | null;
  summary: string | null;
}

/** Global. A timeline: rows are only added. */
export interface IncidentEntriesTable {
  id: string;
  incident_id: string;
  kind: "started" | "done" | "failed" | "skipped" | "note" | "closed";
  step: string | null;
  at: Time;
  done_by: string | null;
  recorded_at: DefaultTime;
  recorded_by: string | null;
  note: string | null;
  item: Json | null;
  claimant: string | null;
  claimed_until: TimeOrNull;
}

/** Every table a scope can reach, for Kysely. */
export interface Tables {
  "app.plans": PlansTable;
  "app.tenants": TenantsTable;
  "app.system_maintenance": SystemMaintenanceTable;
  "app.changelog_entries": ChangelogEntriesTable;
  "app.users": UsersTable;
  "app.customers": CustomersTable;
  "app.sessions": SessionsTable;
  "app.api_tokens": ApiTokensTable;
  "app.password_resets": PasswordResetsTable;
  "app.known_addresses": KnownAddressesTable;
  "app.operators": OperatorsTable;
  "app.operator_sessions": OperatorSessionsTable;
  "app.operator_tokens": OperatorTokensTable;
  "app.operator_resets": OperatorResetsTable;
  "app.login_throttles": LoginThrottlesTable;
  "app.idempotency_keys": IdempotencyKeysTable;
  "app.audit_log": AuditLogTable;
  "app.audit_details": AuditDetailsTable;
  "app.audit_seals": AuditSealsTable;
  "app.audit_chains": AuditChainsTable;
  "app.audit_register": AuditRegisterTable;
  "app.audit_sealer": AuditSealerTable;
  "app.quota_overrides": QuotaOverridesTable;
  "app.usage_counters": UsageCountersTable;
  "app.filling_quotas": FillingQuotasTable;
  "app.quota_drift": QuotaDriftTable;
  "app.quota_round": QuotaRoundTable;
  "app.usage_minutes": UsageMinutesTable;
  "app.usage_days": UsageDaysTable;
  "app.usage_rollups": UsageRollupsTable;
  "app.tenant_sizes": TenantSizesTable;
  "app.operations": OperationsTable;
  "app.alerts": AlertsTable;
  "app.alert_rules": AlertRulesTable;
  "app.alert_evaluations": AlertEvaluationsTable;
  "app.alert_pending": AlertPendingTable;
  "app.alert_silences": AlertSilencesTable;
  "app.host_readings": HostReadingsTable;
  "app.task_runs": TaskRunsTable;
  "app.check_runs": CheckRunsTable;
  "app.daily_facts": DailyFactsTable;
  "app.hourly_requests": HourlyRequestsTable;
  "app.backup_lease": BackupLeaseTable;
  "app.backup_runs": BackupRunsTable;
  "app.backup_items": BackupItemsTable;
  "app.backup_facts": BackupFactsTable;
  "app.legal_holds": LegalHoldsTable;
  "app.error_groups": ErrorGroupsTable;
  "app.access_log": AccessLogTable;
  "app.contacts": ContactsTable;
  "app.contact_channels": ContactChannelsTable;
  "app.deliveries": DeliveriesTable;
  "app.delivery_attempts": DeliveryAttemptsTable;
  "app.incidents": IncidentsTable;
  "app.incident_entries": IncidentEntriesTable;
}

/** A row of `app.<table>` as read, as inserted and as updated. */
export type Row<T extends keyof Tables> = Selectable<Tables[T]>;
export type NewRow<T extends keyof Tables> = Insertable<Tables[T]>;
export type RowChange<T extends keyof Tables> = Updateable<Tables[T]>;

import { quotaResources, severities, tenantStatuses } from "@tenantctl/contract";
import { build, SYSTEM_TENANT_ID, sql } from "@tenantctl/database";
import { sealLag } from "../audit/seal-lag.ts";
import { backedUpTenants, recentHours } from "../backups/read-facts.ts";
import { nearLimit } from "../quotas/near-limit.ts";
import { type Reading, reading, type Sample } from "./readings.ts";

interface Counted {
  readonly key: string;
  readonly value: number;
}

/** One sample per known key, 0 where nothing was counted: a series that comes and goes can't be alerted on. */
const counted = (
  name: string,
  help: string,
  label: string,
  keys: readonly string[],
  query: ReturnType<typeof sql<Counted>>,
): Reading => {
  const one = reading({ [name]: [help, label] }, query.compile(build), ({ key, value }: Counted): Sample[] => [
    [name, { [label]: key }, value],
  ]);
  return {
    ...one,
    read: async (db) => [...keys.map((key): Sample => [name, { [label]: key }, 0]), ...(await one.read(db))],
  };
};

/** Hours after which each proof counts as overdue: the alerts' own thresholds as they are shipped. */
const proofs = [
  ["backup", "last_backup_at", recentHours],
  ["verify", "last_verified_at", 7 * 24],
  ["drill", "last_drilled_at", 35 * 24],
] as const;

/** Seconds since then, none for a time in the future; null where there is no time. */
const ageOf = (time: ReturnType<typeof sql>) =>
  sql`case when ${time} > now() then 0 else extract(epoch from now() - ${time}) end::float8`;

const backups = reading(
  {
    tenantctl_backup_oldest_age_seconds: [
      "Since the last backup, verification or drill of the tenant that waits longest (never: since it was provisioned)",
      "kind",
    ],
    tenantctl_backup_newest_age_seconds: ["Since the last backup, verification or drill of any tenant", "kind"],
    tenantctl_backup_overdue_tenants: [
      `Tenants whose last backup is older than ${recentHours} hours, verification than 7 days, drill than 35 days`,
      "kind",
    ],
  },
  sql<{ kind: string; oldest: number | null; newest: number | null; overdue: number }>`with b as materialized (
    select * from ${backedUpTenants} as facts) ${sql.join(
      proofs.map(
        ([kind, column, hours]) => sql`select ${sql.lit(kind)} as kind,
        ${ageOf(sql`min(coalesce(${sql.ref(column)}, created_at))`)} as oldest, ${ageOf(sql`max(${sql.ref(column)})`)} as newest,
        count(*) filter (where coalesce(${sql.ref(column)}, created_at) < now() - make_interval(hours => ${sql.lit(hours)})) as overdue
      from b`,
      ),
      sql` union all `,
    )}`.compile(build),
  ({ kind, oldest, newest, overdue }) => [
    ["tenantctl_backup_oldest_age_seconds", { kind }, oldest],
    ["tenantctl_backup_newest_age_seconds", { kind }, newest],
    ["tenantctl_backup_overdue_tenants", { kind }, overdue],
  ],
);

/** Gauges about the whole system: one statement each, the same for every process of the API. `cap` tenants are named. */
export const databaseGauges = (cap: number): Readonly<Record<string, Reading>> => ({
  database: reading(
    {
      tenantctl_database_connections: ["Connections to this database, those of other programs too"],
      tenantctl_database_max_connections: ["Connections that PostgreSQL allows, to all of its databases"],
      tenantctl_database_size_bytes: ["Size of this database on disk"],
    },
    sql<{ connections: number; allowed: number; bytes: number }>`select numbackends as connections,
      current_setting('max_connections')::int as allowed, pg_database_size(datid) as bytes
      from pg_stat_database where datname = current_database()`.compile(build),
    ({ connections, allowed, bytes }) => [
      ["tenantctl_database_connections", {}, connections],
      ["tenantctl_database_max_connections", {}, allowed],
      ["tenantctl_database_size_bytes", {}, bytes],
    ],
  ),
  tenants: counted(
    "tenantctl_tenants",
    "Tenants by status",
    "status",
    tenantStatuses,
    sql<Counted>`select status as key, count(*) as value from app.tenants where id <> ${SYSTEM_TENANT_ID}::uuid group by status`,
  ),
  alerts: counted(
    "tenantctl_alerts_unresolved",
    "Alerts that are open or acknowledged, by severity",
    "severity",
    severities,
    sql<Counted>`select severity as key, count(*) as value from app.alerts where status <> 'resolved' group by severity`,
  ),
  quotas: {
    gauges: {
      tenantctl_quota_used_ratio: [
        `Use of a quota, 1 being all of it: the ${cap} fullest of those at 80 % and above`,
        "tenant",
        "resource",
      ],
      tenantctl_quotas_near_limit: ["Quotas at 80 % and above"],
    },
    read: async (db) => {
      // One row at the least: each says how many there are.
      const rows = await db.operator().run(nearLimit(Math.max(1, cap)));
      return [
        ["tenantctl_quotas_near_limit", {}, rows[0]?.total ?? 0],
        ...rows
          .slice(0, cap)
          .filter(({ resource }) => quotaResources.some((known) => known === resource))
          .map(
            ({ slug, resource, percentage }): Sample => [
              "tenantctl_quota_used_ratio",
              { tenant: slug, resource },
              percentage / 100,
            ],
          ),
      ];
    },
  },
  operations: counted(
    "tenantctl_operations_unfinished",
    "Long-running operations that wait or are under way",
    "status",
    ["queued", "running"],
    sql<Counted>`select status as key, count(*) as value from app.operations where status in ('queued', 'running') group by status`,
  ),
  deliveries: counted(
    "tenantctl_deliveries",
    "Notifications to contacts that are not delivered: pending ones, and those given up within a day",
    "status",
    ["pending", "failed"],
    sql<Counted>`select status as key, count(*) as value from app.deliveries
      where status = 'pending' or (status = 'failed' and created_at > now() - interval '2 days'
        and finished_at > now() - interval '1 day') group by status`,
  ),
  errors: reading(
    {
      tenantctl_error_groups_unresolved: ["Groups of unexpected errors that nobody has resolved"],
      tenantctl_error_groups_seen_last_hour: ["Those of them that were met within the last hour"],
    },
    sql<{ groups: number; seen: number }>`select count(*) as groups,
      count(*) filter (where last_seen_at > now() - interval '1 hour') as seen
      from app.error_groups where resolved_at is null and not expected`.compile(build),
    ({ groups, seen }) => [
      ["tenantctl_error_groups_unresolved", {}, groups],
      ["tenantctl_error_groups_seen_last_hour", {}, seen],
    ],
  ),
  tasks: reading(
    {
      tenantctl_job_last_success_timestamp_seconds: ["When a background task last succeeded, in any process", "task"],
      tenantctl_job_failing_seconds: ["For how long every run of a background task has failed; 0: it works", "task"],
    },
    sql<{ task: string; succeeded: number | null; failing: number }>`select task,
      extract(epoch from succeeded_at)::float8 as succeeded,
      coalesce(${ageOf(sql`failing_since`)}, 0) as failing from app.task_runs`.compile(build),
    ({ task, succeeded, failing }) => [
      ["tenantctl_job_last_success_timestamp_seconds", { task }, succeeded],
      ["tenantctl_job_failing_seconds", { task }, failing],
    ],
  ),
  backups,
  audit: reading(
    {
      tenantctl_audit_seal_lag_seconds: [
        "Age of the oldest row of the audit log that is not sealed yet; 0: none waits",
      ],
      tenantctl_audit_unsealed_rows: ["Rows of the audit log that wait for their seal; counted up to 10,001"],
    },
    sql<{ seconds: number; waiting: number }>`select seconds, waiting from ${sealLag} as lag`.compile(build),
    ({ seconds, waiting }) => [
      ["tenantctl_audit_seal_lag_seconds", {}, seconds],
      ["tenantctl_audit_unsealed_rows", {}, waiting],
    ],
  ),
});

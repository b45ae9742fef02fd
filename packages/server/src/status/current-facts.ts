import type { ResultOf, Routes } from "@tenantctl/contract";
import { build, sql } from "@tenantctl/database";
import { alertColumns } from "../alerts/alert-row.ts";
import { isSilenced } from "../alerts/silenced.ts";
import { sealLag } from "../audit/seal-lag.ts";
import { tasks } from "../jobs/tasks.ts";
import { jsonTime } from "../json-time.ts";
import { stands } from "../maintenance/place.ts";

type Status = ResultOf<Routes["status.get"]>;

/** An operation that failed of late and was not done since. */
export interface FailedOperation {
  readonly id: string;
  readonly kind: string;
  readonly tenantSlug: string | null;
  readonly error: string | null;
  readonly finishedAt: string;
}

/** Nobody took it, and nobody said that it may wait. */
const unattended = sql<boolean>`status = 'open' and not ${isSilenced}`;

/** Those first, and of them the worst: what a person has to look at stands at the top. */
export const worstAlerts = sql<
  Status["alerts"][number]
>`select ${alertColumns} from app.alerts where status <> 'resolved'
  order by not (${unattended}), array_position(array['critical', 'warning', 'info'], severity), opened_at desc, id desc
  limit 10`.compile(build);

export interface Totals {
  readonly at: string;
  readonly alerts: number;
  readonly critical: number;
  readonly warning: number;
  readonly info: number;
  /** The rules that unresolved alerts are of. */
  readonly rules: readonly string[];
  readonly running: number;
  readonly failed: number;
}

const failedLately = sql`o.status = 'failed' and o.finished_at > now() - interval '1 day'`;

/** Each count is over an index of what is unfinished, unresolved or failed: few rows however many tenants there are. */
export const totals = sql<Totals>`select ${jsonTime("now")} as at, alerts, critical, warning, info, rules,
    (select count(*) from app.operations where status in ('queued', 'running')) as running,
    (select count(*) from app.operations o where ${failedLately}) as failed
  from (select now() as now, count(*) as alerts,
      count(*) filter (where severity = 'critical' and unattended) as critical,
      count(*) filter (where severity = 'warning' and unattended) as warning,
      count(*) filter (where severity = 'info' and unattended) as info,
      coalesce(array_agg(distinct rule), '{}') as rules
    from (select severity, rule, ${unattended} as unattended from app.alerts where status <> 'resolved') u) a`.compile(
  build,
);

export const failedOperations = sql<FailedOperation>`select o.id, o.kind, o.tenant_slug as "tenantSlug",
    o.error ->> 'detail' as error, ${jsonTime("finished_at")} as "finishedAt"
  from app.operations o where ${failedLately} and not exists (select from app.operations later
    where later.kind = o.kind and later.tenant_id = o.tenant_id and later.status = 'succeeded' and later.created_at > o.created_at)
  order by o.finished_at desc limit 4`.compile(build);

/** A time that lies ahead is from a clock that was wrong: it must not make dead jobs look alive until it comes. */
const credible = sql`succeeded_at <= now() + interval '1 minute'`;

/** Of the tasks that this version has. */
export const jobs = sql<Status["jobs"]>`select ${jsonTime("last")} as "lastSucceededAt",
    ${jsonTime("evaluated")} as "alertsEvaluatedAt", failing
  from (select max(succeeded_at) filter (where ${credible}) as last,
      max(succeeded_at) filter (where task = 'evaluate_alerts' and ${credible}) as evaluated,
      coalesce(jsonb_agg(jsonb_build_object('task', task, 'since', ${jsonTime("failing_since")}, 'error', coalesce(error, ''))
        order by failing_since) filter (where failing_since is not null), '[]') as failing
    from app.task_runs where task = any(${Object.keys(tasks)}::text[])) j`.compile(build);

/** The fullest disk that a process of the API has told of lately. */
export const disk = sql<NonNullable<Status["disk"]>>`select r.value as "usedPercent", r.host, r.subject as path
  from app.host_readings r where r.metric in ('disk_used', 'database_disk_used') and r.value is not null
    and r.read_at > now() - interval '10 minutes' order by r.value desc, r.host, r.subject limit 1`.compile(build);

export const sealing = sql<Status["auditSealing"]>`select l.waiting, floor(l.seconds)::int as "lagSeconds"
  from ${sealLag} l`.compile(build);

/** What was turned away at a limit is no error of the program. */
export const errors = sql<
  Status["errors"]
>`select count(*) as groups, (jsonb_agg(jsonb_build_object('fingerprint', fingerprint,
    'error', error, 'place', place, 'lastSeenAt', ${jsonTime("last_seen_at")}) order by last_seen_at desc) -> 0) as newest
  from app.error_groups where last_seen_at > now() - interval '1 day' and not expected and resolved_at is null`.compile(
  build,
);

/** Over an index of the few tenants that are in one. */
export const maintenance = sql<Status["maintenance"]>`select
    (select json_build_object('mode', p.maintenance ->> 'mode', 'reason', p.maintenance ->> 'reason',
        'startedAt', p.maintenance ->> 'startedAt', 'endsAt', p.maintenance ->> 'endsAt')
      from app.system_maintenance p where ${stands("p.maintenance")}) as system,
    count(*) as tenants, count(*) filter (where p.maintenance ->> 'endsAt' is null) as "tenantsWithoutEnd"
  from app.tenants p where p.maintenance is not null and ${stands("p.maintenance")} and p.status <> 'purged'`.compile(
  build,
);

export const incidents = sql<Status["incidents"]>`select count(*) as open,
    (jsonb_agg(jsonb_build_object('id', i.id, 'kind', i.kind, 'openedAt', ${jsonTime("i.opened_at")})
      order by i.opened_at desc) -> 0) as newest
  from app.incidents i where i.closed_at is null`.compile(build);

export const deliveries = sql<Status["deliveries"]>`select
    (select count(*) from app.contact_channels where disabled_at is null) as channels,
    count(*) filter (where status = 'pending' and last_error is not null) as retrying,
    count(*) filter (where status = 'failed' and finished_at > now() - interval '1 day') as "givenUp"
  from app.deliveries where status in ('pending', 'failed') and created_at > now() - interval '3 days'`.compile(build);

import type { ResultOf, Routes } from "@tenantctl/contract";
import { build, sql } from "@tenantctl/database";
import { alertColumns } from "../alerts/alert-row.ts";
import { tasks } from "../jobs/tasks.ts";
import { jsonTime } from "../json-time.ts";

type Status = ResultOf<Routes["status.get"]>;

/** An operation that failed of late and was not done since. */
export interface FailedOperation {
  readonly id: string;
  readonly kind: string;
  readonly tenantSlug: string | null;
  readonly error: string | null;
  readonly finishedAt: string;
}

/** Those that nobody took first, worst first: what a person has to look at stands at the top. */
export const worstAlerts = sql<
  Status["alerts"][number]
>`select ${alertColumns} from app.alerts where status <> 'resolved'
  order by status <> 'open', array_position(array['critical', 'warning', 'info'], severity), opened_at desc, id desc
  limit 10`.compile(build);

interface Totals {
  readonly at: string;
  readonly alerts: number;
  readonly critical: number;
  readonly warning: number;
  readonly info: number;
  readonly running: number;
  readonly failed: number;
}

const failedLately = sql`o.status = 'failed' and o.finished_at > now() - interval '1 day'`;

/** Each count is over an index of what is unfinished, unresolved or failed: few rows however many tenants there are. */
export const totals = sql<Totals>`select ${jsonTime("now")} as at, alerts, critical, warning, info,
    (select count(*) from app.operations where status in ('queued', 'running')) as running,
    (select count(*) from app.operations o where ${failedLately}) as failed
  from (select now() as now, count(*) as alerts,
      count(*) filter (where status = 'open' and severity = 'critical') as critical,
      count(*) filter (where status = 'open' and severity = 'warning') as warning,
      count(*) filter (where status = 'open' and severity = 'info') as info
    from app.alerts where status <> 'resolved') a`.compile(build);

export const failedOperations = sql<FailedOperation>`select o.id, o.kind, o.tenant_slug as "tenantSlug",
    o.error ->> 'detail' as error, ${jsonTime("finished_at")} as "finishedAt"
  from app.operations o where ${failedLately} and not exists (select from app.operations later
    where later.kind = o.kind and later.tenant_id = o.tenant_id and later.status = 'succeeded' and later.created_at > o.created_at)
  order by o.finished_at desc limit 4`.compile(build);

/** Tasks that this version has; a time in the future, from a clock that was wrong, counts as now. */
export const jobs = sql<Status["jobs"]>`select ${jsonTime("last")} as "lastSucceededAt",
    ${jsonTime("evaluated")} as "alertsEvaluatedAt", failing
  from (select least(max(succeeded_at), now()) as last,
      least(max(succeeded_at) filter (where task = 'evaluate_alerts'), now()) as evaluated,
      coalesce(jsonb_agg(jsonb_build_object('task', task, 'since', ${jsonTime("failing_since")}, 'error', coalesce(error, ''))
        order by failing_since) filter (where failing_since is not null), '[]') as failing
    from app.task_runs where task = any(${Object.keys(tasks)}::text[])) j`.compile(build);

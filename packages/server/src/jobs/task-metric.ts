import { sql } from "@tenantctl/database";
import type { AlertMetric, Reading } from "../alerts/alert-metric.ts";

export const taskMetrics: Readonly<Record<string, AlertMetric>> = {
  task_failing: {
    unit: "minutes",
    about: "since when every run of each background task has failed",
    comparison: "atLeast",
    cost: "reads a row per task",
    find: () => sql<Reading>`select r.task as subject, null::uuid as "tenantId",
        greatest(extract(epoch from now() - r.failing_since) / 60, 0)::float8 as value,
        format('the background task %s has failed for %s minutes: %s', r.task,
          floor(greatest(extract(epoch from now() - r.failing_since) / 60, 0)), r.error) as summary,
        jsonb_build_object('task', r.task, 'failingSince', r.failing_since, 'error', r.error, 'succeededAt', r.succeeded_at) as evidence,
        'tenantctl status' as next
      from app.task_runs r where r.failing_since is not null`,
  },
};

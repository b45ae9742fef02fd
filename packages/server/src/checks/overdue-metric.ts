import { sql } from "@tenantctl/database";
import type { AlertMetric, Reading } from "../alerts/alert-metric.ts";
import { checklistStates } from "./checklist-state.ts";

export const checkMetrics: Readonly<Record<string, AlertMetric>> = {
  check_overdue: {
    unit: "hours",
    about: "since each checklist should have been run again; below 0 there is time left",
    comparison: "atLeast",
    cost: "reads the last run of each checklist",
    find: () => sql<Reading>`select c.cadence as subject, null::uuid as "tenantId", c.overdue_hours::float8 as value,
        case when c.started_at is null then format('the %s checklist was never run', c.cadence)
          else format('the %s checklist was last run %s days ago', c.cadence,
            floor(greatest(extract(epoch from now() - c.started_at) / 86400, 0))) end as summary,
        jsonb_build_object('checklist', c.cadence, 'lastRunAt', c.started_at, 'overdueHours', floor(c.overdue_hours)) as evidence,
        format('tenantctl check %s', c.cadence) as next
      from ${checklistStates} c`,
  },
};

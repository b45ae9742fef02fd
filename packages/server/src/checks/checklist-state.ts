import { checkCadences, type ResultOf, type Routes } from "@tenantctl/contract";
import { build, SYSTEM_TENANT_ID, sql } from "@tenantctl/database";
import { jsonTime } from "../json-time.ts";
import { cadences } from "./cadences.ts";
import { worstItem } from "./check-row.ts";

const due = sql.join(
  checkCadences.map((cadence) => sql`(${sql.lit(cadence)}, ${sql.lit(cadences[cadence].dueHours)}::float8)`),
);

/**
 * Each checklist with its last run, and how many hours it has been due (negative: it is not). Where it was never run, it counts
 * from when the system was made. A time to come counts as now.
 */
export const checklistStates = sql`(select c.cadence, r.started_at, r.items, r.signed_off_by,
    extract(epoch from now() - least(coalesce(r.started_at, s.created_at), now())) / 3600 - c.hours as overdue_hours
  from (values ${due}) c(cadence, hours)
  cross join (select created_at from app.tenants where id = ${sql.lit(SYSTEM_TENANT_ID)}::uuid) s
  left join lateral (select r.started_at, r.items, r.signed_off_by from app.check_runs r where r.cadence = c.cadence
    order by r.started_at desc, r.id desc limit 1) r on true)`;

/** What the status screen says of them. */
export const checklists = sql<ResultOf<Routes["status.get"]>["checklists"][number]>`select c.cadence,
    ${jsonTime("c.started_at")} as "lastRunAt", case when c.items is not null then ${worstItem} end as result,
    c.signed_off_by as "signedOffBy", c.overdue_hours >= 0 as overdue
  from ${checklistStates} c order by array_position(${sql.lit(`{${checkCadences.join(",")}}`)}::text[], c.cadence)`.compile(
  build,
);

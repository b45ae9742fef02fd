import { ContractError, type Incident, type IncidentEntry, runbooks, stepsOf } from "@tenantctl/contract";
import { build, type Scope, sql, type Transaction } from "@tenantctl/database";
import { jsonTime } from "../json-time.ts";

type Facts = Omit<Incident, "steps" | "overlaps" | "entries">;

const factColumns = sql<Facts>`c.id, c.kind, c.title, case when c.closed_at is null then 'open' else 'closed' end as status,
  c.all_tenants as "allTenants", ${jsonTime("c.opened_at")} as "openedAt", c.opened_by as "openedBy",
  ${jsonTime("c.closed_at")} as "closedAt", c.closed_by as "closedBy", c.summary`;

export const entryColumns = sql<IncidentEntry>`e.id, e.kind, e.step, ${jsonTime("e.at")} as at, coalesce(e.done_by, e.recorded_by) as by,
  ${jsonTime("e.recorded_at")} as "recordedAt", e.recorded_by as "recordedBy", e.note as text, e.item,
  ${jsonTime("e.claimed_until")} as "claimedUntil"`;

/** One row of the list. */
export const summaryColumns = sql`${factColumns}, cardinality(c.about_tenants) as tenants,
  (select count(*) from (select distinct on (e.step) e.kind, e.item from app.incident_entries e
     where e.incident_id = c.id and e.step is not null and e.kind <> 'note'
     order by e.step, e.at desc, e.recorded_at desc, e.id desc) l
   where l.kind = 'skipped' or (l.kind = 'done' and l.item ->> 'result' is distinct from 'needs_person')) as "stepsSettled",
  case c.kind ${sql.join(
    Object.entries(runbooks).map(([kind, steps]) => sql`when ${sql.lit(kind)} then ${sql.lit(steps.length)}`),
    sql` `,
  )} end as steps`;

export const noSuchIncident = (): ContractError =>
  new ContractError("not_found", "There is no such incident.", "`tenantctl incident list --status all` shows them.");

const facts = (id: string) =>
  sql<Facts>`select ${factColumns}, c.affected as tenants, c.unknown_tenants as "unknownTenants"
    from app.incidents c where c.id = ${id}::uuid`.compile(build);

const timeline = (id: string) =>
  sql<IncidentEntry>`select ${entryColumns} from app.incident_entries e where e.incident_id = ${id}::uuid
    order by e.at, e.recorded_at, e.id`.compile(build);

/** Other open ones that somebody who works on this one has to know of. */
const overlaps = (id: string) =>
  sql<
    Incident["overlaps"][number]
  >`select o.id, o.kind, ${jsonTime("o.opened_at")} as "openedAt", o.opened_by as "openedBy", o.shared as tenants
    from (select o.*, (select count(*) from unnest(o.about_tenants) t where t = any(i.about_tenants)) as shared
      from app.incidents i, app.incidents o where i.id = ${id}::uuid and o.id <> i.id and o.closed_at is null) o
    where o.shared > 0 or o.kind = (select kind from app.incidents where id = ${id}::uuid) order by o.opened_at`.compile(
    build,
  );

const now = sql<{ now: string }>`select ${jsonTime("now")} as now from (select now() as now) n`.compile(build);

/** An incident with its steps and timeline. Throws not_found. */
export const readIncident = async (scope: Scope | Transaction, id: string): Promise<Incident> => {
  const [[incident], entries, others, [clock]] = await Promise.all([
    scope.run(facts(id)),
    scope.run(timeline(id)),
    scope.run(overlaps(id)),
    scope.run(now),
  ]);
  if (incident === undefined) throw noSuchIncident();
  const steps = stepsOf(incident.kind, entries, Date.parse(clock?.now ?? ""));
  return { ...incident, steps, overlaps: others, entries };
};

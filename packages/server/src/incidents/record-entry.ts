import {
  ContractError,
  claimMinutes,
  type IncidentEntry,
  type IncidentKind,
  isSettled,
  type ResultOf,
  type Routes,
  runbooks,
} from "@tenantctl/contract";
import { build, sql, type Transaction } from "@tenantctl/database";
import { callerName } from "../alerts/caller-name.ts";
import { audited } from "../audit/audited.ts";
import type { Call } from "../call.ts";
import { entryColumns, noSuchIncident, readIncident } from "./incident-row.ts";

type EntryRoute = Routes["incidents.entry"];
type CloseRoute = Routes["incidents.close"];

interface Locked {
  readonly kind: IncidentKind;
  readonly closedAt: Date | null;
}

/** One change of an incident after the other. Throws not_found. */
export const lockIncident = async (transaction: Transaction, id: string): Promise<Locked> => {
  const [incident] = await transaction.run(
    sql<Locked>`select kind, closed_at as "closedAt" from app.incidents where id = ${id}::uuid for update`.compile(
      build,
    ),
  );
  if (incident === undefined) throw noSuchIncident();
  return incident;
};

const recordedBefore = async (
  transaction: Transaction,
  incident: string,
  id: string,
): Promise<IncidentEntry | undefined> => {
  const [entry] = await transaction.run(
    sql<IncidentEntry & { incident: string }>`select ${entryColumns}, e.incident_id as incident
      from app.incident_entries e where e.id = ${id}::uuid`.compile(build),
  );
  if (entry === undefined) return undefined;
  const { incident: other, ...rest } = entry;
  if (other === incident.toLowerCase()) return rest;
  throw new ContractError(
    "idempotency_mismatch",
    "This entry's id is that of another incident's entry.",
    "Make a new id for a new entry.",
  );
};

/** Throws unless the caller may begin or end the step now: nobody else is at it, and it is not done. */
const refuseOthers = async (call: Call<EntryRoute>, transaction: Transaction, step: string): Promise<void> => {
  const { kind, claimant, takeOver, again } = call.body;
  const { entries, kind: runbook, steps } = await readIncident(transaction, call.params.id);
  const state = steps.find(({ id }) => id === step);
  if (state === undefined) throw new Error(`${runbook} has no step ${step}`);
  if (isSettled(state.state) && again !== true) {
    throw new ContractError(
      "step_done",
      `${step} ${state.state === "done" ? "was done" : "was skipped"} by ${state.by ?? "somebody"} at ${state.at}.`,
      kind === "started" ? "To run it once more: --again." : "Add a note instead: `tenantctl incident note`.",
    );
  }
  if (state.state !== "running" || takeOver === true) return;
  const [holder] = await transaction.run(
    sql<{
      claimant: string | null;
    }>`select claimant from app.incident_entries where incident_id = ${call.params.id}::uuid
      and step = ${step} and kind <> 'note' order by at desc, recorded_at desc, id desc limit 1`.compile(build),
  );
  if (holder?.claimant === (claimant?.toLowerCase() ?? null)) return;
  const begun = entries.findLast((entry) => entry.step === step && entry.kind === "started");
  throw new ContractError(
    "step_claimed",
    `${begun?.by ?? "Somebody"} is at ${step} since ${begun?.at}, until ${state.claimedUntil} at the latest.`,
    "Ask them; or take it over with --take-over.",
  );
};

const unknownStep = (kind: IncidentKind, step: string): ContractError =>
  new ContractError(
    "invalid_request",
    `${kind} has no step ${step}.`,
    `Its steps: ${runbooks[kind].map(({ id }) => id).join(", ")}.`,
  );

/** Adds an entry to the timeline; the same id again changes nothing. */
export const recordEntry = (call: Call<EntryRoute>): Promise<ResultOf<EntryRoute>> =>
  call.scope.transaction(async (transaction) => {
    const { id, kind, step, text, item, claimant, at, recordedAs } = call.body;
    const incident = await lockIncident(transaction, call.params.id);
    const before = await recordedBefore(transaction, call.params.id, id);
    if (before !== undefined) return { ...before, changed: false };
    if (step === undefined && kind !== "note") {
      throw new ContractError("invalid_request", `An entry of kind ${kind} is about a step.`, "Say which: `step`.");
    }
    if (step !== undefined && !runbooks[incident.kind].some((known) => known.id === step)) {
      throw unknownStep(incident.kind, step);
    }
    // What is brought in has happened already: it is history, and stands in nobody's way.
    if (recordedAs === undefined && kind !== "note") {
      if (incident.closedAt !== null) {
        throw new ContractError(
          "incident_closed",
          "This incident is closed.",
          "Notes can be added: `tenantctl incident note`; open another for what is new.",
        );
      }
      if (step !== undefined) await refuseOthers(call, transaction, step);
    }
    const claims = kind === "started" && recordedAs === undefined;
    const [[entry]] = await Promise.all([
      transaction.run(
        sql<IncidentEntry>`insert into app.incident_entries as e (id, incident_id, kind, step, at, done_by, recorded_by, note, item, claimant, claimed_until)
          values (${id}::uuid, ${call.params.id}::uuid, ${kind}, ${step ?? null},
            least(coalesce(${recordedAs === undefined ? null : (at ?? null)}::timestamptz, clock_timestamp()), clock_timestamp()),
            ${recordedAs ?? null}, ${callerName(call)}, ${text ?? null}, ${item === undefined ? null : JSON.stringify(item)}::jsonb,
            ${claimant ?? null}::uuid, case when ${claims} then clock_timestamp() + make_interval(mins => ${sql.lit(claimMinutes)}) end)
          returning ${entryColumns}`.compile(build),
      ),
      transaction.run(
        audited(call, {
          resourceId: call.params.id,
          detail: [kind, step].filter((part) => part !== undefined).join(" "),
        }),
      ),
    ]);
    if (entry === undefined) throw noSuchIncident();
    return { ...entry, changed: true };
  });

/** Closes an incident whose steps are all settled; closed already it stays as it is. */
export const closeIncident = (call: Call<CloseRoute>): Promise<ResultOf<CloseRoute>> =>
  call.scope.transaction(async (transaction) => {
    const { id } = call.params;
    const { summary, recordedAs } = call.body;
    const { closedAt } = await lockIncident(transaction, id);
    const incident = await readIncident(transaction, id);
    if (closedAt !== null) return { ...incident, changed: false };
    const pending = incident.steps.filter(({ state }) => !isSettled(state));
    if (pending.length > 0) {
      throw new ContractError(
        "steps_pending",
        `Not done yet: ${pending.map((step) => `${step.id} (${step.state})`).join(", ")}.`,
        "Run each, mark it done, or skip it with a reason: `tenantctl incident step`.",
      );
    }
    const who = sql`coalesce(${recordedAs ?? null}::text, ${callerName(call)})`;
    await Promise.all([
      transaction.run(
        sql`update app.incidents set closed_at = clock_timestamp(), closed_by = ${who}, summary = ${summary}
          where id = ${id}::uuid`.compile(build),
      ),
      transaction.run(
        sql`insert into app.incident_entries (id, incident_id, kind, at, done_by, recorded_by, note)
          values (gen_random_uuid(), ${id}::uuid, 'closed', clock_timestamp(), ${recordedAs ?? null}, ${callerName(call)}, ${summary})`.compile(
          build,
        ),
      ),
      transaction.run(audited(call, { resourceId: id, detail: summary.slice(0, 500) })),
    ]);
    return { ...(await readIncident(transaction, id)), changed: true };
  });

import {
  ContractError,
  exitCodes,
  type Incident,
  type IncidentEntry,
  isErrorCode,
  isSettled,
  stepsOf,
} from "@tenantctl/contract";
import { CliError } from "../cli-error.ts";
import type { Invocation } from "../invocation.ts";
import type { Api } from "../session/api.ts";
import {
  claimantIn,
  closedIn,
  entriesIn,
  isAllSent,
  type Journal,
  localName,
  type NewEntry,
  type NewIncident,
  openedIn,
  otherWorker,
  unsentIn,
} from "./journal.ts";
import { isOutOfReach, openPlace, type Place } from "./place.ts";

export type Draft = Omit<NewEntry, "id" | "at" | "recordedAs" | "claimant"> & { readonly id?: string };

/** One incident as a command works on it. What is recorded is on this disk first, then with the server. */
export interface Timeline {
  readonly id: string;
  readonly place: Place;
  /** After the way there broke: the next best place. */
  reconnect(): Promise<void>;
  /** As the server has it; without one, as this file has it. */
  incident(): Promise<Incident>;
  record(draft: Draft): Promise<void>;
  close(summary: string): Promise<void>;
}

/** An incident as its file tells it: what others did is not in it. */
export const incidentIn = (journal: Journal): Incident | undefined => {
  const opened = openedIn(journal);
  if (opened === undefined) return undefined;
  const closed = closedIn(journal);
  const entries = entriesIn(journal).map(
    ({ id, kind, step, at, recordedAs, text, item }): IncidentEntry => ({
      id,
      kind,
      step: step ?? null,
      at,
      by: recordedAs,
      recordedAt: at,
      recordedBy: recordedAs,
      text: text ?? null,
      item: item ?? null,
      claimedUntil: null,
    }),
  );
  return {
    id: opened.id,
    kind: opened.kind,
    title: opened.title ?? null,
    status: closed === undefined ? "open" : "closed",
    allTenants: opened.all === true,
    openedAt: opened.at,
    openedBy: opened.recordedAs,
    closedAt: closed?.at ?? null,
    closedBy: closed?.recordedAs ?? null,
    summary: closed?.summary ?? null,
    tenants: [],
    unknownTenants: opened.tenants ?? [],
    steps: stepsOf(opened.kind, entries, Date.now()),
    overlaps: [],
    entries,
  };
};

/** Brings what the server does not have yet to it. Nothing of it is recorded twice. */
export const bringIn = async (api: Api, journal: Journal): Promise<number> => {
  const { open, entries, close } = unsentIn(journal);
  const params = { id: journal.id };
  if (open !== undefined) {
    await api.call("incidents.open", { body: open });
    await journal.append({ sent: open.id });
  }
  for (const { claimant: _, takeOver: __, again: ___, ...entry } of entries) {
    await api.call("incidents.entry", { params, body: entry });
    await journal.append({ sent: entry.id });
  }
  if (close !== undefined) {
    await api.call("incidents.close", { params, body: { summary: close.summary, recordedAs: close.recordedAs } });
    await journal.append({ sent: "close" });
  }
  return entries.length + (open === undefined ? 0 : 1) + (close === undefined ? 0 : 1);
};

const notHere = (id: string): CliError =>
  new CliError(
    "not_found",
    exitCodes.notFound,
    `there is no incident ${id} in this machine's files`,
    "`tenantctl incident list` shows what can be reached.",
  );

/** Works on an incident: `begin` opens a new one, which the caller makes known with `announce` when it is time to. */
export const workOn = async (
  invocation: Invocation,
  first: Place,
  journal: Journal,
  begin?: NewIncident,
): Promise<Timeline & { announce(incident: NewIncident): Promise<Incident> }> => {
  const { out } = invocation;
  let place = first;
  const other = otherWorker(journal);
  if (other !== undefined && place.api === undefined)
    throw new CliError(
      "locked",
      exitCodes.locked,
      `another tenantctl (process ${other.pid}) is at this incident`,
      "Wait for it to end; only through the API or the database can two work on one incident.",
    );
  const recordedAs = localName();
  const now = (): string => new Date().toISOString();
  if (begin !== undefined) await journal.append({ open: { ...begin, at: now(), recordedAs } });
  const claimant = await claimantIn(journal);
  if (begin === undefined && place.api !== undefined) await bringIn(place.api, journal);

  const reconnect = async (): Promise<void> => {
    await place.close();
    place = await openPlace(invocation);
    if (place.api !== undefined) await bringIn(place.api, journal);
  };

  /** Where it does not reach the server it stays in the file, and the work goes on. */
  const sending = async (id: string, send: (api: Api) => Promise<unknown>): Promise<void> => {
    // Before it is announced there is nothing yet to add to.
    if (place.api === undefined || (unsentIn(journal).open !== undefined && id !== journal.id)) return;
    try {
      await send(place.api);
      await journal.append({ sent: id });
    } catch (error) {
      if (isOutOfReach(error)) return reconnect();
      if (error instanceof ContractError && isErrorCode(error.code)) await journal.append({ refused: id });
      throw error;
    }
  };

  return {
    id: journal.id,
    get place() {
      return place;
    },
    reconnect,
    announce: async (incident) => {
      await sending(incident.id, (api) => api.call("incidents.open", { body: incident }));
      // What was recorded before it was known is this very command's.
      for (const { at: _, recordedAs: __, ...entry } of unsentIn(journal).entries)
        await sending(entry.id, (api) => api.call("incidents.entry", { params: { id: journal.id }, body: entry }));
      if (place.api !== undefined) return place.api.call("incidents.get", { params: { id: journal.id } });
      return incidentIn(journal) ?? Promise.reject(notHere(journal.id));
    },
    incident: async () => {
      try {
        if (place.api !== undefined) return await place.api.call("incidents.get", { params: { id: journal.id } });
      } catch (error) {
        if (!isOutOfReach(error)) throw error;
        await reconnect();
        if (place.api !== undefined) return place.api.call("incidents.get", { params: { id: journal.id } });
      }
      const known = incidentIn(journal);
      if (known === undefined) throw notHere(journal.id);
      return known;
    },
    record: async ({ id = crypto.randomUUID(), ...draft }) => {
      const entry: NewEntry = { id, ...draft, claimant };
      await journal.append({ entry: { ...entry, at: now(), recordedAs } });
      await sending(id, (api) => api.call("incidents.entry", { params: { id: journal.id }, body: entry }));
    },
    close: async (summary) => {
      if (place.api !== undefined) {
        try {
          await place.api.call("incidents.close", { params: { id: journal.id }, body: { summary } });
          if (isAllSent(journal)) await journal.remove();
          return;
        } catch (error) {
          if (!isOutOfReach(error)) throw error;
          await reconnect();
        }
      }
      const pending = incidentIn(journal)?.steps.filter(({ state }) => !isSettled(state)) ?? [];
      if (pending.length > 0)
        throw new ContractError(
          "steps_pending",
          `Not done yet: ${pending.map((step) => `${step.id} (${step.state})`).join(", ")}.`,
          "Run each, mark it done, or skip it with a reason: `tenantctl incident step`.",
        );
      await journal.append({ close: { summary, at: now(), recordedAs } });
      out.note(`kept in ${journal.path}; bring it in with: tenantctl incident import`);
    },
  };
};

import { isSettled, type ResultOf, type Routes } from "@tenantctl/contract";
import { usage } from "../cli-error.ts";
import type { Invocation } from "../invocation.ts";
import { textFlag } from "../invocation.ts";
import { isAllSent, journalIds, openJournal, readJournal } from "./journal.ts";
import { openPlace } from "./place.ts";
import { printIncident } from "./print-incident.ts";
import { onIncident } from "./step-command.ts";
import { bringIn, incidentIn } from "./timeline.ts";

type Row = ResultOf<Routes["incidents.list"]>[number];

/** Those of this machine's files that the server does not have, or can't be asked about. */
const ofFiles = async (dir: string, known: readonly Row[], reached: boolean): Promise<Row[]> => {
  const rows: Row[] = [];
  for (const id of await journalIds(dir)) {
    const journal = await openJournal(dir, id);
    const incident = incidentIn(journal);
    if (incident === undefined || known.some((row) => row.id === id) || (reached && isAllSent(journal))) continue;
    rows.push({
      ...incident,
      tenants: incident.unknownTenants.length,
      stepsSettled: incident.steps.filter(({ state }) => isSettled(state)).length,
      steps: incident.steps.length,
    });
  }
  return rows;
};

export const listCommand = async (invocation: Invocation): Promise<number> => {
  const { out, flags } = invocation;
  const place = await openPlace(invocation);
  try {
    const given = textFlag(flags, "status") ?? "open";
    const status = given === "all" || given === "closed" ? given : "open";
    const rows: Row[] = [];
    if (place.api !== undefined) {
      for (let cursor: string | undefined; ; ) {
        const { text, next } = await place.api.text("incidents.list", {
          query: { status, limit: 1000, ...(cursor === undefined ? {} : { cursor }) },
        });
        rows.push(...(JSON.parse(text) as Row[]));
        cursor = next;
        if (cursor === undefined) break;
      }
    }
    const { dir } = (await invocation.api()).target;
    const local = (await ofFiles(dir, rows, place.api !== undefined)).filter(
      (row) => status === "all" || row.status === status,
    );
    if (local.length > 0) out.note(`${local.length} of these only in this machine's files: tenantctl incident import`);
    await out.list([JSON.stringify([...local, ...rows])], {
      columns: [
        { key: "openedAt", title: "opened", as: "time" },
        { key: "kind" },
        { key: "status", as: "status" },
        { key: "stepsSettled", title: "done", as: "count" },
        { key: "steps", title: "of", as: "count", drop: 3 },
        { key: "tenants", as: "count", drop: 2 },
        { key: "title", flex: true, drop: 4 },
        { key: "openedBy", title: "by", flex: true, drop: 5 },
        { key: "id" },
      ],
      properties: [
        "id",
        "kind",
        "title",
        "status",
        "allTenants",
        "openedAt",
        "openedBy",
        "closedAt",
        "closedBy",
        "summary",
        "tenants",
        "stepsSettled",
        "steps",
      ],
      empty: status === "open" ? "no incident is open" : "there is no incident",
    });
    return 0;
  } finally {
    await place.close();
  }
};

export const showCommand = (invocation: Invocation): Promise<number> =>
  onIncident(invocation, async (timeline) => {
    await printIncident(invocation, await timeline.incident());
    return 0;
  });

/** Brings what was written down without the server to it, once however often it is run. */
export const importCommand = async (invocation: Invocation): Promise<number> => {
  const { args, out } = invocation;
  const { dir } = (await invocation.api()).target;
  const journals =
    args.length > 0
      ? await Promise.all(args.map(readJournal))
      : await Promise.all((await journalIds(dir)).map((id) => openJournal(dir, id)));
  const place = await openPlace(invocation);
  try {
    if (place.api === undefined)
      throw usage("there is nowhere to bring it: neither the API nor the database is there", place.why.join("; "));
    const rows: { id: string; brought: number }[] = [];
    for (const journal of journals) {
      const brought = await bringIn(place.api, journal);
      if (brought > 0) rows.push({ id: journal.id, brought });
      const { status } = await place.api.call("incidents.get", { params: { id: journal.id } });
      if (status === "closed") await journal.remove();
    }
    await out.list([JSON.stringify(rows)], {
      columns: [
        { key: "id", title: "incident" },
        { key: "brought", title: "entries", as: "count" },
      ],
      properties: ["id", "brought"],
      empty: "nothing to bring in: the server has it all",
    });
    return 0;
  } finally {
    await place.close();
  }
};

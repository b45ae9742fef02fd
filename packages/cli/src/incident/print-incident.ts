import { type CheckItem, type Incident, type StepState, stepStates } from "@tenantctl/contract";
import type { Invocation } from "../invocation.ts";
import { timeText } from "../output/cell.ts";
import { checkItemsText } from "../output/check-items.ts";
import { cleanLine } from "../output/clean.ts";
import type { Paint } from "../output/paint.ts";

const colours: Readonly<Record<StepState, keyof Paint>> = {
  pending: "cyan",
  running: "yellow",
  interrupted: "yellow",
  failed: "red",
  person: "cyan",
  done: "green",
  skipped: "dim",
};
const widest = Math.max(...stepStates.map(({ length }) => length));

/** Each item as it comes: a person who waits sees what was found, and what is still under way. */
export const sayItem =
  ({ out, settings }: Pick<Invocation, "out" | "settings">) =>
  async (item: CheckItem): Promise<void> => {
    if (settings.output !== "table") return;
    out.text(checkItemsText([item], await out.paint("stdout"), out.width));
  };

const names = (tenants: Incident["tenants"]): string =>
  tenants.length <= 5
    ? tenants.map(({ slug }) => slug).join(", ")
    : `${tenants
        .slice(0, 5)
        .map(({ slug }) => slug)
        .join(", ")} and ${tenants.length - 5} more`;

const time = (at: string): string => `${timeText(at)} UTC`;

/** What it is about, whom else it concerns, and where each step stands. */
export const headLines = (incident: Incident): string[] => {
  const {
    id,
    kind,
    title,
    status,
    openedAt,
    openedBy,
    tenants,
    allTenants,
    unknownTenants,
    overlaps,
    closedAt,
    closedBy,
  } = incident;
  return [
    `${kind} ${id}: ${status}`,
    ...(title === null ? [] : [title]),
    `opened ${time(openedAt)} by ${openedBy ?? "somebody"}`,
    ...(closedAt === null ? [] : [`closed ${time(closedAt)} by ${closedBy ?? "somebody"}: ${incident.summary}`]),
    ...(tenants.length === 0 ? [] : [`${allTenants ? "all tenants: " : "tenants: "}${names(tenants)}`]),
    ...(unknownTenants.length === 0 ? [] : [`named, and not found: ${unknownTenants.join(", ")}`]),
    ...overlaps.map(
      (other) =>
        `also open: ${other.kind} ${other.id}, by ${other.openedBy ?? "somebody"}, ${other.tenants} of the same tenants`,
    ),
  ];
};

/** One line of the timeline. */
export const entryLine = ({ at, by, recordedBy, kind, step, text, item }: Incident["entries"][number]): string => {
  const who = recordedBy !== null && by !== recordedBy ? `${by} (brought in by ${recordedBy})` : (by ?? "somebody");
  const what = [kind, step, item === null ? undefined : item.result].filter(
    (part) => part !== undefined && part !== null,
  );
  return `${time(at)}  ${what.join(" ")}, ${who}${text === null ? "" : `: ${text}`}`;
};

export const printIncident = async ({ out, settings }: Invocation, incident: Incident): Promise<void> => {
  if (settings.output !== "table") {
    const properties = ["id", "kind", "title", "status", "openedAt", "openedBy", "closedAt", "closedBy", "summary"];
    return out.record(JSON.stringify(incident), { cells: [], properties });
  }
  const paint = await out.paint("stdout");
  const lines = [
    ...headLines(incident).map(cleanLine),
    "",
    ...incident.steps.map(
      ({ id, title, state, by }) =>
        `${paint[colours[state]](state.padEnd(widest))}  ${cleanLine(`${id}: ${title}${by === null ? "" : `, ${by}`}`)}`,
    ),
    "",
    ...incident.entries.flatMap((entry) => [
      cleanLine(entryLine(entry)),
      ...(entry.item?.evidence ?? []).slice(0, 12).map((line) => `    ${cleanLine(line)}`),
    ]),
  ];
  out.text(lines.join("\n"));
};

import type { CheckRun } from "@tenantctl/contract";
import type { Invocation } from "../invocation.ts";
import { timeText } from "../output/cell.ts";
import { checkItemsText } from "../output/check-items.ts";
import { cleanLine } from "../output/clean.ts";

const itemProperties = ["id", "title", "result", "evidence", "next"];

/** A run for people: what it is, its items, and who has looked. As CSV its items are the rows; other formats carry all of it. */
export const printRun = async ({ out, settings }: Invocation, text: string): Promise<void> => {
  const run: CheckRun = JSON.parse(text);
  if (settings.output === "csv") {
    return out.list([JSON.stringify(run.items)], { columns: [], properties: itemProperties, empty: "" });
  }
  if (settings.output !== "table") return out.record(text, { cells: [], properties: Object.keys(run) });
  const paint = await out.paint("stdout");
  const head = `${run.cadence} checklist, ${timeText(run.startedAt).slice(0, 16)} UTC${run.by === null ? "" : `, by ${run.by}`}`;
  const signed =
    run.signedOffAt === null
      ? []
      : [
          "",
          `looked at by ${run.signedOffBy ?? "somebody"}, ${timeText(run.signedOffAt)} UTC${run.note === null ? "" : `: ${run.note}`}`,
        ];
  out.text([cleanLine(head), "", checkItemsText(run.items, paint, out.width), ...signed.map(cleanLine)].join("\n"));
};

import { type Diagnosis, exitCodes } from "@tenantctl/contract";
import type { Invocation } from "../invocation.ts";
import { checkItemsText } from "../output/check-items.ts";
import { cleanLine } from "../output/clean.ts";
import { wrap } from "../output/record.ts";

const properties = ["id", "title", "result", "evidence", "next"];
const colours = { ok: "green", needs_person: "cyan", warning: "yellow", problem: "red" } as const;

/** Shows a diagnosis, its verdict first, and gives the exit code: 10 where something is wrong. */
export const printDiagnosis = async ({ out, settings }: Invocation, text: string): Promise<number> => {
  const diagnosis: Diagnosis = JSON.parse(text);
  const { verdict, result, items } = diagnosis;
  if (settings.output === "csv") {
    await out.list([JSON.stringify(items)], { columns: [], properties, empty: "" });
  } else if (settings.output !== "table") {
    await out.record(text, { cells: [], properties: Object.keys(diagnosis) });
  } else {
    const paint = await out.paint("stdout");
    const lines = out.width === undefined ? [cleanLine(verdict)] : wrap(cleanLine(verdict), out.width);
    const head = lines.map((line) => paint.bold(paint[colours[result]](line))).join("\n");
    out.text(`${head}\n\n${checkItemsText(items, paint, out.width)}`);
  }
  return items.some((item) => item.result === "problem") ? exitCodes.problemFound : exitCodes.done;
};

/** Calls the route of a diagnosis and shows what it answers. */
export const runDiagnosis = async (invocation: Invocation): Promise<number> => {
  const { route, input } = await invocation.gathered();
  const { text } = await (await invocation.api()).text(route, input);
  return printDiagnosis(invocation, text);
};

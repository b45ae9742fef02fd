import type { ResultOf, Routes } from "@tenantctl/contract";
import { usage } from "../cli-error.ts";
import type { Invocation } from "../invocation.ts";
import { escapeMarkdown } from "../report/escape.ts";
import { eachPage, runRoute } from "../run-route.ts";

type Change = ResultOf<Routes["changelog.list"]>[number];

const head = "| Date | Change | Operator |\n|------|--------|----------|\n";

/** A cell: what somebody typed makes neither a second cell nor a link. Addresses stay as they are. */
const cell = (text: string): string => escapeMarkdown(text).replaceAll("&#64;", "@");

const row = ({ at, change, operator }: Change): string =>
  `| ${at.slice(0, 10)} | ${cell(change)} | ${cell(operator)} |\n`;

/** Prints the change log as a list, or page by page as the guide's own table. */
export const printChanges = async (invocation: Invocation): Promise<number> => {
  if (invocation.flags.markdown !== true) return runRoute(invocation);
  if (invocation.settings.output !== "table")
    throw usage("--markdown and -o say different things", "Give one of them.");
  const { route, input } = await invocation.gathered();
  let begun = false;
  for await (const page of eachPage(invocation, route, input)) {
    const rows: readonly Change[] = JSON.parse(page);
    invocation.out.text(`${begun ? "" : head}${rows.map(row).join("")}`);
    begun = true;
  }
  return 0;
};

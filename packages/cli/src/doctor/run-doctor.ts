import { exitCodes } from "@tenantctl/contract";
import { type Invocation, textFlag } from "../invocation.ts";
import { checkItemsText, hasProblem } from "../output/check-items.ts";

const properties = ["id", "title", "result", "evidence", "next"];

/** Shows what was found on this machine and in the database; 10 where something is wrong. */
export const runDoctor = async ({ flags, settings, out }: Invocation): Promise<number> => {
  const { examine } = await import("@tenantctl/server");
  const dataDir = textFlag(flags, "dataDir");
  const file = textFlag(flags, "config");
  const items = await examine({
    flags: dataDir === undefined ? {} : { dataDir },
    env: settings.env,
    ...(file === undefined ? {} : { file }),
  });
  if (settings.output === "table") {
    out.text(checkItemsText(items, await out.paint("stdout"), out.width));
  } else {
    await out.list([JSON.stringify(items)], { columns: [], properties, empty: "" });
  }
  return hasProblem(items) ? exitCodes.problemFound : exitCodes.done;
};

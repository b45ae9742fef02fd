import { defineCommands } from "../command.ts";
import type { Invocation } from "../invocation.ts";
import { cut } from "../output/cut.ts";
import { prepareWidths } from "../output/text-width.ts";
import { exitOf, jsonOf } from "../status/known.ts";
import { readStatus } from "../status/read-status.ts";

/** The prompt comes back below, and the command's own line should stay. */
const rowsLeftFree = 2;

const run = async (invocation: Invocation): Promise<number> => {
  const { out, settings, flags } = invocation;
  if (flags.watch !== undefined) {
    const { watch } = await import("../status/watch.ts");
    return watch(invocation);
  }
  const api = await invocation.api();
  // What draws is loaded while the API is asked.
  const [reading, draw] = await Promise.all([
    readStatus(api, 10_000),
    settings.output === "table" ? import("../status/screen.ts") : undefined,
  ]);
  if (draw === undefined) {
    const properties = reading.kind === "nothing" ? [] : Object.keys(JSON.parse(jsonOf(reading)));
    await out.record(jsonOf(reading), { cells: [], properties });
  } else if (reading.kind !== "nothing") {
    const paint = await out.paint("stdout");
    if (out.width !== undefined) await prepareWidths(jsonOf(reading));
    const rows = out.width === undefined ? undefined : Math.max(5, (process.stdout.rows || 24) - rowsLeftFree);
    const head = draw.headline(reading, paint);
    out.text(draw.screenOf(reading, api.target.url, head, paint, { columns: out.width, rows }).join("\n"));
  }
  if (reading.kind === "nothing") throw reading.error;
  if (reading.kind === "health")
    out.note(cut(`${reading.why}${reading.next === undefined ? "" : `. Next: ${reading.next}`}`, 1000));
  return exitOf(reading);
};

export const commands = defineCommands([
  {
    path: ["status"],
    route: "status.get",
    covers: ["health.get"],
    description: [
      "Exit 10 when something needs a person: the first lines say what, and the next command. 9 when nothing answers.",
      "Without a login it shows health alone; with one that is refused too, and exits with 4. In JSON `needsAttention` is always there: a list of {what, next, severity, since}.",
    ].join("\n"),
    flags: [
      {
        flags: "--watch [seconds]",
        help: "Look again every 2 seconds, or so many; q quits. In a pipe one line each time, with -o jsonl one object",
      },
    ],
    run,
    examples: [
      "status",
      "status --watch",
      "status -o json",
      "status > report || mail -s 'somebody should look' me < report",
    ],
  },
]);

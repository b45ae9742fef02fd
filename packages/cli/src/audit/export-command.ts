import { dirname } from "node:path";
import { exitCodes, routes } from "@tenantctl/contract";
import { answerProperties } from "../arguments/field.ts";
import { readBody } from "../backup/read-body.ts";
import { stallTimeoutMs } from "../backup/stall-timeout.ts";
import { beginFile, localFault, syncFolder } from "../backup/whole-file.ts";
import { usage } from "../cli-error.ts";
import { type Invocation, textFlag } from "../invocation.ts";
import { cleanLine, cleanText } from "../output/clean.ts";
import { csvText } from "../output/csv.ts";
import { reportError } from "../report-error.ts";
import { arrayLines } from "./array-lines.ts";

type Write = (text: string) => Promise<void>;

/** Rows as they are written: JSON lines, or CSV with a header and formulas neutralised. */
const writers = {
  jsonl: (rows: readonly string[]): string => rows.map((row) => `${row}\n`).join(""),
  csv: (rows: readonly string[], first: boolean): string => {
    const text = csvText(
      rows.map((row) => JSON.parse(row) as unknown),
      answerProperties(routes["audit.export"]),
    );
    return first ? text : text.slice(text.indexOf("\n") + 1);
  },
} as const;

const formatOf = ({ settings, flags }: Invocation): keyof typeof writers => {
  if (settings.output === "csv" || settings.output === "jsonl") return settings.output;
  if (settings.output !== "table") throw usage(`the audit log is exported as jsonl or csv, not ${settings.output}`);
  return textFlag(flags, "file")?.endsWith(".csv") === true ? "csv" : "jsonl";
};

const toStdout = async (fill: (write: Write) => Promise<void>): Promise<void> => {
  const { stdout } = process;
  stdout.prependListener("error", (cause: NodeJS.ErrnoException) => {
    if (cause.code !== "EPIPE") process.exit(reportError(localFault("standard output", cause), false, false));
  });
  await fill(
    (text) =>
      new Promise((done, failed) => {
        // On a terminal nothing in the data may be taken for a command.
        const safe = stdout.isTTY === true ? cleanText(text) : text;
        stdout.write(safe, (cause) => (cause ? failed(localFault("standard output", cause)) : done()));
      }),
  );
};

const toFile = async (path: string, fill: (write: Write) => Promise<void>): Promise<void> => {
  const file = beginFile(path);
  try {
    await fill((text) => file.write(Buffer.from(text)));
    await file.finish(path);
    await syncFolder(dirname(path));
  } finally {
    await file.discard();
  }
};

/** The whole log, or a tenant's or a time's part of it; a file appears only when it is whole. */
export const run = async (invocation: Invocation): Promise<number> => {
  const { flags, out } = invocation;
  const format = formatOf(invocation);
  const stallMs = stallTimeoutMs(invocation);
  const path = textFlag(flags, "file");
  const { input } = await invocation.gathered();
  const api = await invocation.api();
  let rows = 0;
  const fill = async (write: Write): Promise<void> => {
    const lines = arrayLines();
    if (format === "csv") await write(writers.csv([], true));
    await readBody(
      (signal) => api.send("audit.export", input, { signal }),
      { what: "the export of the audit log", stallMs },
      async (chunk) => {
        const some = lines.add(chunk);
        rows += some.length;
        if (some.length > 0) await write(writers[format](some, false));
      },
    );
    lines.finish("the export of the audit log");
  };
  if (path === undefined || path === "-") {
    await toStdout(fill);
    return exitCodes.done;
  }
  await toFile(path, fill);
  out.note(cleanLine(`exported ${rows} rows of the audit log: ${path}`));
  return exitCodes.done;
};

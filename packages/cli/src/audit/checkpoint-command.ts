import { type FileHandle, open } from "node:fs/promises";
import { dirname } from "node:path";
import { exitCodes } from "@tenantctl/contract";
import { readBody } from "../backup/read-body.ts";
import { stallTimeoutMs } from "../backup/stall-timeout.ts";
import { localFault, syncFolder } from "../backup/whole-file.ts";
import { type Invocation, textFlag } from "../invocation.ts";
import { cleanLine } from "../output/clean.ts";
import { arrayLines } from "./array-lines.ts";

/** A part of a checkpoint has some 50 KB. */
const tailBytes = 1_048_576;

const tailOf = async (file: FileHandle): Promise<string> => {
  const { size } = await file.stat();
  const length = Math.min(size, tailBytes);
  return (await file.read(Buffer.alloc(length), 0, length, size - length)).buffer.toString("utf8");
};

/** The batch that the file's checkpoints cover; undefined: everything is stated again. */
const coveredBy = (tail: string): number | undefined => {
  try {
    const { since, batch, part, parts } = JSON.parse(tail.split("\n").at(-2) ?? "");
    const covered = part === parts ? batch : since;
    return typeof covered === "number" && covered > 0 ? covered : undefined;
  } catch {
    return undefined;
  }
};

const fetchParts = async (
  invocation: Invocation,
  since: number | undefined,
  each: (line: string) => Promise<void> | void,
): Promise<void> => {
  const api = await invocation.api();
  const stallMs = stallTimeoutMs(invocation);
  const lines = arrayLines();
  await readBody(
    (signal) => api.send("audit.checkpoint", { query: since === undefined ? {} : { since } }, { signal }),
    { what: "the checkpoint", stallMs },
    async (chunk) => {
      for (const line of lines.add(chunk)) await each(line);
    },
  );
  lines.finish("the checkpoint");
};

/** Prints a checkpoint, or appends one to a file: what was sealed since the file's last. */
export const run = async (invocation: Invocation): Promise<number> => {
  const { flags, out } = invocation;
  const path = textFlag(flags, "file");
  if (path === undefined || path === "-") {
    await fetchParts(invocation, undefined, (line) => out.text(line));
    return exitCodes.done;
  }
  let parts = 0;
  let heads = 0;
  try {
    const file = await open(path, "a+", 0o600);
    try {
      const tail = await tailOf(file);
      if (tail !== "" && !tail.endsWith("\n")) await file.appendFile("\n");
      await fetchParts(invocation, coveredBy(tail), async (line) => {
        await file.appendFile(`${line}\n`);
        parts += 1;
        heads += (JSON.parse(line) as { heads: unknown[] }).heads.length;
      });
      await file.sync();
    } finally {
      await file.close();
    }
    await syncFolder(dirname(path));
  } catch (cause) {
    throw cause instanceof Error && "syscall" in cause ? localFault(path, cause) : cause;
  }
  out.note(
    cleanLine(
      `appended the ${heads === 1 ? "end of 1 chain" : `ends of ${heads} chains`} to ${path}${parts > 1 ? `, in ${parts} parts` : ""}`,
    ),
  );
  return exitCodes.done;
};

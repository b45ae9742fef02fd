import { type FileHandle, open } from "node:fs/promises";
import { build, sql } from "@tenantctl/database";
import type { App } from "../app.ts";
import { inBackground } from "../background-work.ts";
import { checkpointOf } from "./checkpoint.ts";

const lookEveryMs = 30_000;
/** The last line is within this many bytes of the end: one has some 50 KB. */
const tailBytes = 1_048_576;

interface Last {
  readonly at: string;
  /** What the next checkpoint goes on from. */
  readonly since: number;
  /** False: the file ends in the middle of a line, or of a checkpoint. */
  readonly whole: boolean;
}

const tailOf = async (file: FileHandle): Promise<string> => {
  const { size } = await file.stat();
  const length = Math.min(size, tailBytes);
  const { buffer } = await file.read(Buffer.alloc(length), 0, length, size - length);
  return buffer.toString("utf8");
};

/** How the file ends; undefined where nothing in its end is a checkpoint: then everything is stated again. */
const lastOf = (tail: string): Last | undefined => {
  const lines = tail.split("\n");
  const cut = lines.pop() !== "";
  try {
    const { at, since, batch, part, parts } = JSON.parse(lines.at(-1) ?? "");
    if (typeof at !== "string" || typeof since !== "number" || typeof batch !== "number") return undefined;
    const whole = !cut && part === parts;
    return { at, since: part === parts ? batch : since, whole };
  } catch {
    return undefined;
  }
};

const hourOf = (time: string): string => time.slice(0, 13);

/**
 * Appends a checkpoint of what was sealed since the file's last one, and has the disk keep it. Gives whether it did: not
 * within the hour of the last one, unless `now` is asked for.
 */
export const appendCheckpoint = async (
  { db, auditKeys }: Pick<App, "db" | "auditKeys">,
  path: string,
  { now = false } = {},
): Promise<boolean> => {
  const file = await open(path, "a+", 0o600);
  try {
    const tail = await tailOf(file);
    const last = lastOf(tail);
    if (!now && last?.whole === true) {
      const [clock] = await db
        .operator(undefined, { readOnly: true })
        .run(sql<{ now: string }>`select to_char(now() at time zone 'UTC', 'YYYY-MM-DD"T"HH24') as now`.compile(build));
      if (clock?.now === hourOf(last.at)) return false;
    }
    // A line that a crash cut off stays what it is, and the next one begins behind it.
    if (tail !== "" && !tail.endsWith("\n")) await file.appendFile("\n");
    await db.operatorSnapshot(undefined, async (snapshot) => {
      for await (const part of checkpointOf(snapshot, auditKeys, last?.since ?? 0)) {
        await file.appendFile(`${JSON.stringify(part)}\n`);
      }
    });
    await file.sync();
    return true;
  } finally {
    await file.close();
  }
};

export interface CheckpointFile {
  stop(): Promise<void>;
}

/** Keeps a file of checkpoints: one an hour, the first of each month among them. */
export const keepCheckpointFile = (app: App, path: string): CheckpointFile => {
  const background = inBackground(
    "checkpoints of the audit log",
    lookEveryMs,
    app.log,
    async () => void (await appendCheckpoint(app, path)),
    app.errors.failed,
  );
  void background.now();
  return {
    stop: () => {
      background.stop();
      return background.now();
    },
  };
};

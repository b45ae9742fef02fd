import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { usage } from "../cli-error.ts";
import { type JournalHead, type JournalItem, readJournal } from "./journal.ts";
import type { StoredRun } from "./repository.ts";
import { type RunFolder, runFolder } from "./run-folder.ts";
import type { ItemRecord } from "./run-record.ts";

/** SHA-256 of a file, in hex. */
export const sha256OfFile = async (path: string): Promise<string> => {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path, { highWaterMark: 1024 * 1024 }), hash);
  return hash.digest("hex");
};

/** An unfinished run that is gone on with. */
export interface ResumedRun {
  readonly folder: RunFolder;
  readonly startedAt: Date;
  readonly expiresAt: string | undefined;
  /** What is there and still what it was, by tenant id; null is the system archive. */
  readonly kept: ReadonlyMap<string | null, ItemRecord>;
}

const isWhole = async (folder: string, { record }: JournalItem): Promise<boolean> => {
  try {
    return (await sha256OfFile(join(folder, record.file ?? ""))) === record.sha256;
  } catch {
    return false;
  }
};

const sameRecipients = (a: readonly string[], b: readonly string[]): boolean =>
  JSON.stringify([...a].sort()) === JSON.stringify([...b].sort());

const requireRecipients = (id: string, { recipients }: JournalHead, wanted: readonly string[]): void => {
  if (sameRecipients(recipients, wanted)) return;
  throw usage(
    `the unfinished run ${id} is ${recipients.length === 0 ? "not encrypted" : `encrypted for ${recipients.join(", ")}`}`,
    "Give the same recipients, or begin a new run without --resume.",
  );
};

/** The newest unfinished run of a repository with its finished files, each hashed again; undefined where there is none. */
export const resumeRun = async (
  repository: string,
  runs: readonly StoredRun[],
  recipients: readonly string[],
): Promise<ResumedRun | undefined> => {
  for (const { id, path } of runs.filter(({ state }) => state === "unfinished").reverse()) {
    const journal = readJournal(path);
    if (journal === undefined) continue;
    requireRecipients(id, journal.head, recipients);
    const kept = new Map<string | null, ItemRecord>();
    for (const item of journal.items) if (await isWhole(path, item)) kept.set(item.tenant, item.record);
    const { startedAt, expiresAt } = journal.head;
    return { folder: runFolder(repository, id), startedAt: new Date(startedAt), expiresAt, kept };
  }
  return undefined;
};

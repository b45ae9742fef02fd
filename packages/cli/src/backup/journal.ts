import { appendFileSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { ItemRecord, TenantRecord } from "./run-record.ts";
import { isFileName } from "./run-record.ts";
import { localFault } from "./whole-file.ts";

/**
 * What a run under way has done, a line for each file, so that --resume can go on. It vouches for nothing: what it names is
 * hashed again before it is kept, and run.json takes its place.
 */
export const journalFile = ".journal.jsonl";

export interface JournalHead {
  readonly startedAt: string;
  readonly recipients: readonly string[];
  readonly expiresAt?: string;
}

export interface JournalItem {
  /** null for the system archive. */
  readonly tenant: string | null;
  readonly record: ItemRecord | TenantRecord;
}

const append = (folder: string, value: unknown): void => {
  const path = join(folder, journalFile);
  try {
    appendFileSync(path, `${JSON.stringify(value)}\n`, { mode: 0o600 });
  } catch (cause) {
    throw localFault(path, cause);
  }
};

export const beginJournal = (folder: string, head: JournalHead): void => append(folder, head);
export const addToJournal = (folder: string, item: JournalItem): void => append(folder, item);
export const endJournal = (folder: string): void => rmSync(join(folder, journalFile), { force: true });

const parsed = (line: string): unknown => {
  try {
    return JSON.parse(line);
  } catch {
    // The line that was being written when the run was killed.
    return undefined;
  }
};

const isHead = (value: unknown): value is JournalHead =>
  typeof value === "object" &&
  value !== null &&
  "startedAt" in value &&
  "recipients" in value &&
  Array.isArray(value.recipients) &&
  (!("expiresAt" in value) || typeof value.expiresAt === "string");

const isItem = (value: unknown): value is JournalItem =>
  typeof value === "object" &&
  value !== null &&
  "tenant" in value &&
  "record" in value &&
  typeof value.record === "object" &&
  value.record !== null &&
  "file" in value.record &&
  isFileName(value.record.file);

/** What an unfinished run says that it has done; undefined where it does not say. */
export const readJournal = (folder: string): { head: JournalHead; items: JournalItem[] } | undefined => {
  let text: string;
  try {
    text = readFileSync(join(folder, journalFile), "utf8");
  } catch {
    return undefined;
  }
  const [head, ...items] = text.split("\n").map(parsed);
  return isHead(head) ? { head, items: items.filter(isItem) } : undefined;
};

import { chmod, open, readdir, readFile, rm } from "node:fs/promises";
import { userInfo } from "node:os";
import { join } from "node:path";
import type { BodyOf, Routes } from "@tenantctl/contract";
import { isAlive, type ProcessIdentity, thisProcess } from "../backup/process-identity.ts";
import { usage } from "../cli-error.ts";
import { makeFolder } from "../make-folder.ts";

export type NewIncident = BodyOf<Routes["incidents.open"]> & { readonly id: string };
export type NewEntry = BodyOf<Routes["incidents.entry"]>;

/** A line of the file. `sent` says of an id that the server has it; `refused` that it will not have it. */
type Line =
  | { readonly open: NewIncident & { readonly at: string; readonly recordedAs: string } }
  | { readonly entry: NewEntry & { readonly at: string; readonly recordedAs: string } }
  | { readonly close: { readonly summary: string; readonly at: string; readonly recordedAs: string } }
  | { readonly sent: string }
  | { readonly refused: string }
  | { readonly worker: ProcessIdentity; readonly claimant: string };

export interface Journal {
  readonly path: string;
  readonly id: string;
  readonly lines: readonly Line[];
  /** Appends a line; it is on the disk when this resolves. */
  append(line: Line): Promise<void>;
  remove(): Promise<void>;
}

export const localName = (): string => `local:${userInfo().username}`;

const folderOf = (dir: string): string => join(dir, "incidents");

/** Written to the middle when the process was killed: what comes before it is whole. */
const linesOf = (text: string): Line[] =>
  text.split("\n").flatMap((line) => {
    try {
      return line === "" ? [] : [JSON.parse(line) as Line];
    } catch {
      return [];
    }
  });

const journalAt = (path: string, id: string, text: string): Journal => {
  const lines = linesOf(text);
  let torn = text !== "" && !text.endsWith("\n");
  return {
    path,
    id,
    lines,
    append: async (line) => {
      const file = await open(path, "a", 0o600);
      try {
        await file.appendFile(`${torn ? "\n" : ""}${JSON.stringify(line)}\n`);
        await file.sync();
      } finally {
        await file.close();
      }
      torn = false;
      lines.push(line);
    },
    remove: () => rm(path, { force: true }),
  };
};

/** The file of an incident in this configuration's folder, with what it holds so far. Only its owner can read it. */
export const openJournal = async (dir: string, id: string): Promise<Journal> => {
  const folder = folderOf(dir);
  makeFolder(folder);
  await chmod(folder, 0o700).catch(() => undefined);
  const path = join(folder, `${id}.jsonl`);
  const text = await readFile(path, "utf8").catch(() => "");
  return journalAt(path, id, text);
};

/** A file that was brought along from another machine. */
export const readJournal = async (path: string): Promise<Journal> => {
  const text = await readFile(path, "utf8").catch((cause: NodeJS.ErrnoException) => {
    throw usage(`cannot read ${path}: ${cause.code === "ENOENT" ? "there is no such file" : cause.message}`);
  });
  const id = linesOf(text).flatMap((line) => ("open" in line ? [line.open.id] : []))[0];
  if (id === undefined) throw usage(`${path} is not an incident's file`, "They are in <configuration>/incidents/.");
  return journalAt(path, id, text);
};

/** Ids of the incidents that have a file here, the newest last. */
export const journalIds = async (dir: string): Promise<string[]> => {
  const names = await readdir(folderOf(dir)).catch(() => []);
  return names.flatMap((name) => (/^[0-9a-f-]{36}\.jsonl$/.test(name) ? [name.slice(0, 36)] : [])).sort();
};

export const openedIn = ({ lines }: Journal) => lines.flatMap((line) => ("open" in line ? [line.open] : []))[0];
export const closedIn = ({ lines }: Journal) => lines.flatMap((line) => ("close" in line ? [line.close] : []))[0];
/** Without what the server has refused: it did not happen. */
export const entriesIn = ({ lines }: Journal) => {
  const refused = new Set(lines.flatMap((line) => ("refused" in line ? [line.refused] : [])));
  return lines.flatMap((line) => ("entry" in line && !refused.has(line.entry.id) ? [line.entry] : []));
};

/** Ids that the server has, or will not have. */
const settledIn = ({ lines }: Journal): ReadonlySet<string> =>
  new Set(lines.flatMap((line) => ("sent" in line ? [line.sent] : "refused" in line ? [line.refused] : [])));

/** What the server does not have yet, in its order. */
export const unsentIn = (journal: Journal) => {
  const settled = settledIn(journal);
  const opened = openedIn(journal);
  const closed = closedIn(journal);
  return {
    open: opened === undefined || settled.has(opened.id) ? undefined : opened,
    entries: entriesIn(journal).filter(({ id }) => !settled.has(id)),
    close: closed === undefined || settled.has("close") ? undefined : closed,
  };
};

export const isAllSent = (journal: Journal): boolean => {
  const { open, entries, close } = unsentIn(journal);
  return open === undefined && entries.length === 0 && close === undefined;
};

/**
 * Who this process is when it claims a step: after a crash the same as before, so that it goes on with its own step; beside a
 * living process somebody else.
 */
export const claimantIn = async (journal: Journal): Promise<string> => {
  const last = journal.lines.flatMap((line) => ("worker" in line ? [line] : [])).at(-1);
  const claimant = last !== undefined && isAlive(last.worker) === false ? last.claimant : crypto.randomUUID();
  await journal.append({ worker: thisProcess(), claimant });
  return claimant;
};

/** A living process beside this one that works on the same file. */
export const otherWorker = (journal: Journal): ProcessIdentity | undefined => {
  const last = journal.lines.flatMap((line) => ("worker" in line ? [line] : [])).at(-1);
  return last !== undefined && last.worker.pid !== process.pid && isAlive(last.worker) === true
    ? last.worker
    : undefined;
};

import { mkdirSync, readdirSync, rmdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { exitCodes, slugPattern } from "@tenantctl/contract";
import { CliError } from "../cli-error.ts";
import { makeFolder } from "../make-folder.ts";
import { journalFile } from "./journal.ts";
import { localFault } from "./whole-file.ts";

export interface RunFolder {
  readonly id: string;
  readonly path: string;
  /** Removes what no name was given to, and the folder if nothing else is in it. */
  tidy(): void;
}

/** `20261123T021500Z-4f1c`: sorts by time, within a second too: the last part is the fraction of it. */
const runId = (now: Date, attempt: number): string => {
  const fraction = Math.min(65_535, Math.floor((now.getUTCMilliseconds() * 65_536) / 1000) + attempt);
  return `${now.toISOString().replace(/[-:]|\.\d+/g, "")}-${fraction.toString(16).padStart(4, "0")}`;
};

export const isRunId = (name: string): boolean => /^\d{8}T\d{6}Z-[0-9a-f]{4}$/.test(name);

/** When the run of this name began, in milliseconds. */
export const startOf = (id: string): number =>
  Date.parse(id.replace(/^(....)(..)(..)T(..)(..)(..)Z.*$/, "$1-$2-$3T$4:$5:$6Z"));

/** Makes a folder of its own for a run, whoever else makes one in the same second. Throws LocalFault. */
export const makeRunFolder = (repository: string, now: Date): RunFolder => {
  try {
    makeFolder(repository);
    for (let attempt = 0; ; attempt += 1) {
      const id = runId(now, attempt);
      try {
        mkdirSync(join(repository, id), { mode: 0o700 });
      } catch (cause) {
        if (cause instanceof Error && "code" in cause && cause.code === "EEXIST" && attempt < 65) continue;
        throw cause;
      }
      return runFolder(repository, id);
    }
  } catch (cause) {
    throw localFault(repository, cause);
  }
};

/** The folder of a run that is there. */
export const runFolder = (repository: string, id: string): RunFolder => {
  const path = join(repository, id);
  return { id, path, tidy: () => tidy(path) };
};

const isLoose = (name: string): boolean => name.startsWith(".") && name.endsWith(".tmp");

const tidy = (path: string): void => {
  try {
    const names = readdirSync(path);
    for (const name of names.filter(isLoose)) rmSync(join(path, name), { force: true });
    const left = names.filter((name) => !isLoose(name));
    // A journal of nothing is no reason to keep a folder.
    if (left.some((name) => name !== journalFile)) return;
    for (const name of left) rmSync(join(path, name), { force: true });
    rmdirSync(path);
  } catch {
    // The run has its own reason to end; that one is told.
  }
};

const isSlug = new RegExp(slugPattern);

/** The name of a tenant's file in a run. What a server calls a tenant never leads out of the folder, nor over another file. */
export const archiveName = (slug: string | null, encrypted: boolean): string => {
  const extension = encrypted ? "tar.age" : "tar";
  if (slug === null) return `system.${extension}`;
  // No slug begins with an underscore.
  return slug === "system" ? `_system.${extension}` : `${safeSlug(slug)}.${extension}`;
};

/** The name of an exported document. */
export const fileNameOf = (slug: string): string => `${safeSlug(slug)}.json`;

const safeSlug = (slug: string): string => {
  if (isSlug.test(slug) && slug.length <= 63) return slug;
  throw new CliError(
    "unsafe_name",
    exitCodes.unexpected,
    "the API gave a slug that is no file name",
    "A slug is lower-case words and hyphens; look at what answers in the API's place.",
  );
};

import { randomBytes } from "node:crypto";
import { mkdirSync, readdirSync, rmdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { exitCodes, slugPattern } from "@tenantctl/contract";
import { CliError } from "../cli-error.ts";
import { recordFile } from "./run-record.ts";
import { localFault } from "./whole-file.ts";

export interface RunFolder {
  readonly id: string;
  readonly path: string;
  /** Removes what no name was given to, and the folder if nothing else is in it. */
  tidy(): void;
}

/** `20261123T021500Z-4f1c`: sorts by time. */
const runId = (now: Date): string =>
  `${now.toISOString().replace(/[-:]|\.\d+/g, "")}-${randomBytes(2).toString("hex")}`;

/** Makes a folder of its own for a run, whoever else makes one in the same second. Throws LocalFault. */
export const makeRunFolder = (repository: string, now: Date): RunFolder => {
  try {
    mkdirSync(repository, { recursive: true, mode: 0o700 });
    for (;;) {
      const id = runId(now);
      const path = join(repository, id);
      try {
        mkdirSync(path, { mode: 0o700 });
      } catch (cause) {
        if (cause instanceof Error && "code" in cause && cause.code === "EEXIST") continue;
        throw cause;
      }
      return { id, path, tidy: () => tidy(path) };
    }
  } catch (cause) {
    throw localFault(repository, cause);
  }
};

const tidy = (path: string): void => {
  try {
    const names = readdirSync(path);
    const loose = names.filter((name) => name.startsWith(".") && name.endsWith(".tmp"));
    for (const name of loose) rmSync(join(path, name), { force: true });
    if (names.length === loose.length) rmdirSync(path);
  } catch {
    // The run has its own reason to end; that one is told.
  }
};

const isSlug = new RegExp(slugPattern);

/** The name of a tenant's file. What a server calls a tenant never leads out of the folder, nor over another file. */
export const fileNameOf = (slug: string): string => {
  if (!isSlug.test(slug) || slug.length > 63)
    throw new CliError(
      "unsafe_name",
      exitCodes.unexpected,
      "the API gave a slug that is no file name",
      "A slug is lower-case words and hyphens; look at what answers in the API's place.",
    );
  const name = `${slug}.json`;
  // No slug begins with an underscore.
  return name === recordFile ? `_${name}` : name;
};

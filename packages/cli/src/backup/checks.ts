import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { failureOf } from "../report-error.ts";
import type { FinishedRun } from "./repository.ts";
import { beginFile } from "./whole-file.ts";

/** What a look at a stored file found. */
export interface Check {
  readonly at: string;
  readonly ok: boolean;
  readonly seconds: number;
  readonly detail: string | null;
}

/** What is known of a run's files beside run.json: read back and found whole, and restored in a drill; by file name. */
export interface Checks {
  readonly verified: Readonly<Record<string, Check>>;
  readonly drilled: Readonly<Record<string, Check>>;
}

/** Nothing depends on it but what prune keeps and what lists show: it may be lost or deleted. */
export const checksFile = "checks.json";

const isChecks = (value: unknown): value is Checks =>
  typeof value === "object" &&
  value !== null &&
  "verified" in value &&
  "drilled" in value &&
  [value.verified, value.drilled].every(
    (found) =>
      typeof found === "object" &&
      found !== null &&
      Object.values(found).every(
        (check: unknown) =>
          typeof check === "object" &&
          check !== null &&
          "ok" in check &&
          typeof check.ok === "boolean" &&
          "at" in check &&
          typeof check.at === "string",
      ),
  );

/** What was found so far; nothing where nobody looked. */
export const readChecks = async ({ path }: Pick<FinishedRun, "path">): Promise<Checks> => {
  try {
    const value: unknown = JSON.parse(await readFile(join(path, checksFile), "utf8"));
    if (isChecks(value)) return value;
  } catch {
    // Absent or damaged: it is as if nobody had looked.
  }
  return { verified: {}, drilled: {} };
};

/** Adds what was found. A repository that cannot be written to can still be checked: that is only said. */
export const addChecks = async (
  run: Pick<FinishedRun, "path">,
  kind: keyof Checks,
  found: Readonly<Record<string, Check>>,
  note: (line: string) => void,
): Promise<void> => {
  const before = await readChecks(run);
  const after: Checks = { ...before, [kind]: { ...before[kind], ...found } };
  try {
    const path = join(run.path, checksFile);
    const file = beginFile(path);
    try {
      await file.write(Buffer.from(`${JSON.stringify(after, null, 2)}\n`));
      await file.finish(path);
    } finally {
      await file.discard();
    }
  } catch (error) {
    note(`what was found is not kept: ${failureOf(error).detail}`);
  }
};

import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { exitCodes } from "@tenantctl/contract";
import { CliError } from "../cli-error.ts";
import { isRunId } from "./run-folder.ts";
import { isRunRecord, itemsOf, type RunItem, type RunRecord, recordFile } from "./run-record.ts";

/** A folder in a repository. Only a finished one is a backup. */
export type StoredRun =
  | { readonly state: "finished"; readonly id: string; readonly path: string; readonly record: RunRecord }
  /** unfinished: without run.json; unreadable: with one that cannot be understood. */
  | { readonly state: "unfinished" | "unreadable"; readonly id: string; readonly path: string; readonly why: string };

export type FinishedRun = Extract<StoredRun, { state: "finished" }>;

/** How messages call a run that is no backup. */
export const notABackup = ({ id, why }: Extract<StoredRun, { why: string }>): string => `${id} is not a backup: ${why}`;

const codeOf = (cause: unknown): unknown => (cause instanceof Error && "code" in cause ? cause.code : undefined);

export const readRun = async (repository: string, id: string): Promise<StoredRun> => {
  const path = join(repository, id);
  let text: string;
  try {
    text = await readFile(join(path, recordFile), "utf8");
  } catch (cause) {
    if (codeOf(cause) === "ENOENT")
      return { state: "unfinished", id, path, why: "it has no run.json, so it never finished" };
    return { state: "unreadable", id, path, why: `its run.json cannot be read (${codeOf(cause)})` };
  }
  try {
    const record: unknown = JSON.parse(text);
    if (isRunRecord(record) && record.run === id) return { state: "finished", id, path, record };
  } catch {
    // Said below.
  }
  return { state: "unreadable", id, path, why: "its run.json is damaged, or of another version of tenantctl" };
};

/** All runs in a repository, oldest first. Throws a CliError with exit 6 where there is no such folder. */
export const readRuns = async (repository: string): Promise<StoredRun[]> => {
  let names: string[];
  try {
    names = await readdir(repository);
  } catch (cause) {
    if (codeOf(cause) !== "ENOENT" && codeOf(cause) !== "ENOTDIR")
      throw new CliError(
        "cannot_read",
        exitCodes.unexpected,
        `cannot read ${repository}: ${cause instanceof Error ? cause.message : cause}`,
        "Check who may read it.",
      );
    throw new CliError(
      "no_repository",
      exitCodes.notFound,
      `there is no repository ${repository}`,
      "`tenantctl backup --repo DIR` makes one; --repo says where it is.",
    );
  }
  return Promise.all(
    names
      .filter(isRunId)
      .sort()
      .map((id) => readRun(repository, id)),
  );
};

export const isFinished = (run: StoredRun): run is FinishedRun => run.state === "finished";

/** A saved file and the run that it is in. */
export interface StoredItem extends RunItem {
  readonly run: FinishedRun;
}

/** The path of a saved file. */
export const pathOf = ({ run, item }: Pick<StoredItem, "run" | "item">): string => join(run.path, item.file ?? "");

/** Every saved file of the finished runs, oldest run first. */
export const savedItems = (runs: readonly StoredRun[]): StoredItem[] =>
  runs
    .filter(isFinished)
    .flatMap((run) => itemsOf(run.record).map((found) => ({ ...found, run })))
    .filter(({ item }) => item.outcome === "saved");

const isOf = (reference: string, { tenant }: RunItem): boolean =>
  tenant !== null && (tenant.slug === reference || tenant.id === reference.toLowerCase());

/** The saved files of one tenant, by id or slug, the newest snapshot first. `null` means the system archive. */
export const backupsOf = (runs: readonly StoredRun[], reference: string | null): StoredItem[] =>
  savedItems(runs)
    .filter((found) => (reference === null ? found.tenant === null : isOf(reference, found)))
    .sort((a, b) => (String(a.item.snapshotAt) < String(b.item.snapshotAt) ? 1 : -1));

/** The run that a command names, or the newest finished one. Throws a CliError: exit 6, or 10 for what is no backup. */
export const chooseRun = (runs: readonly StoredRun[], repository: string, id: string | undefined): FinishedRun => {
  const run = id === undefined ? runs.findLast(isFinished) : runs.find((found) => found.id === id);
  if (run === undefined)
    throw new CliError(
      "no_run",
      exitCodes.notFound,
      id === undefined ? `there is no finished backup in ${repository}` : `there is no run ${id} in ${repository}`,
      `\`tenantctl backup list --repo ${repository}\` shows what is there.`,
    );
  if (!isFinished(run))
    throw new CliError(
      "not_a_backup",
      exitCodes.problemFound,
      notABackup(run),
      run.state === "unfinished"
        ? "`tenantctl backup --resume` finishes the newest one; otherwise use another run."
        : "Use another run, or copy this one again from where it is whole.",
    );
  return run;
};

import { readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { RunPlan } from "./prune-plan.ts";
import { isFinished, pathOf } from "./repository.ts";
import { storeRecord } from "./run-backup.ts";
import { archiveName } from "./run-folder.ts";
import { type ItemRecord, itemsOf, type RunRecord } from "./run-record.ts";
import { localFault, syncFolder } from "./whole-file.ts";

/** A run on its way out: it has another name before the first of its files goes, so that it is never half a backup. */
const trashPrefix = ".trash-";

const remove = (repository: string, id: string): void => {
  const trash = join(repository, `${trashPrefix}${id}`);
  renameSync(join(repository, id), trash);
  rmSync(trash, { recursive: true, force: true });
};

const pruned = <R extends ItemRecord>(record: R, files: ReadonlySet<string | null>): R =>
  files.has(record.file)
    ? { ...record, outcome: "pruned", file: null, sha256: null, snapshotAt: record.snapshotAt, bytes: 0 }
    : record;

/** The record says first that files are gone, then they go: what it names is there at every moment. */
const thin = async (repository: string, { run, removed }: RunPlan): Promise<void> => {
  if (!isFinished(run)) return;
  const files = new Set(removed.map(({ item }) => item.file));
  const { record } = run;
  const tenants = record.tenants.map((tenant) => pruned(tenant, files));
  const system = record.system === null ? null : pruned(record.system, files);
  const bytes = [...tenants, ...(system === null ? [] : [system])].reduce((sum, item) => sum + item.bytes, 0);
  const next: RunRecord = { ...record, tenants, system, bytes };
  await storeRecord(repository, run.path, next);
  for (const item of removed) rmSync(pathOf(item), { force: true });
  await syncFolder(run.path);
};

/** Finishes what an earlier prune was killed over: runs on their way out, and files that a record says are gone. */
const finishEarlierPrunes = (repository: string, plans: readonly RunPlan[]): void => {
  for (const name of readdirSync(repository))
    if (name.startsWith(trashPrefix)) rmSync(join(repository, name), { recursive: true, force: true });
  for (const { run } of plans)
    if (isFinished(run))
      for (const { tenant, item } of itemsOf(run.record))
        if (item.outcome === "pruned")
          rmSync(join(run.path, archiveName(tenant?.slug ?? null, run.record.recipients.length > 0)), { force: true });
};

/** Does what a plan says: runs that go first, then those that lose files. Throws LocalFault. */
export const carryOut = async (repository: string, plans: readonly RunPlan[]): Promise<void> => {
  try {
    finishEarlierPrunes(repository, plans);
    // A record that is written anew needs room, which is what a full disk has when whole runs have gone.
    for (const plan of plans) if (plan.action === "remove") remove(repository, plan.run.id);
    for (const plan of plans) if (plan.action === "thin") await thin(repository, plan);
    await syncFolder(repository);
  } catch (cause) {
    throw localFault(repository, cause);
  }
};

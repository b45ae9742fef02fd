import { join } from "node:path";
import { ContractError, errors, exitCodes } from "@tenantctl/contract";
import pLimit from "p-limit";
import { CliError } from "../cli-error.ts";
import type { Api } from "../session/api.ts";
import { onInterrupt } from "../signals.ts";
import { backUpTenant, unsaved } from "./back-up-tenant.ts";
import type { ListedTenant } from "./listed-tenants.ts";
import type { Progress } from "./progress.ts";
import { makeRunFolder, type RunFolder } from "./run-folder.ts";
import { countOf, type RunRecord, recordFile, type TenantRecord } from "./run-record.ts";
import { isTransient } from "./transience.ts";
import { beginFile, LocalFault, syncFolder } from "./whole-file.ts";

export interface RunOptions {
  readonly api: Api;
  readonly tenants: readonly ListedTenant[];
  readonly repository: string;
  readonly concurrency: number;
  readonly stallMs: number;
  readonly progress: Progress;
  /** Told what a signal leaves behind. Synchronous. */
  readonly onCut: (line: string) => void;
}

/** The credentials do not do; the next tenant's answer would be the same. */
const isRefusal = (error: unknown): boolean =>
  (error instanceof ContractError && errors[error.code].exit === exitCodes.denied) ||
  (error instanceof CliError && error.exit === exitCodes.denied);

/** So many tenants in a row that could not be reached mean that the API is away, not that these have a problem. */
const patience = (concurrency: number): number => Math.max(10, 2 * concurrency);

const store = async (folder: RunFolder, repository: string, record: RunRecord): Promise<void> => {
  // The record vouches for the files, so their names must be on the disk before it is.
  await syncFolder(folder.path);
  const path = join(folder.path, recordFile);
  const file = beginFile(path);
  try {
    await file.write(Buffer.from(`${JSON.stringify(record, null, 2)}\n`));
    await file.finish(path);
  } finally {
    await file.discard();
  }
  await syncFolder(folder.path);
  await syncFolder(repository);
};

/** Why the rest of a run was not tried. */
interface Stop {
  readonly error: unknown;
  readonly detail: string;
}

const stopFor = (error: unknown, unreached: number, concurrency: number): Stop | undefined => {
  if (error instanceof LocalFault) return { error, detail: error.message };
  if (isRefusal(error)) return { error, detail: "not tried: the API refused these credentials" };
  return unreached >= patience(concurrency)
    ? { error, detail: `not tried: the API did not answer for ${unreached} tenants in a row` }
    : undefined;
};

const notTried = (tenant: ListedTenant, { detail }: Stop, attempts: number): TenantRecord =>
  unsaved(tenant, "failed", attempts, { code: "not_tried", detail });

/**
 * Backs tenants up, several at once, into a folder of the run's own. A tenant that fails is in the record; the others go
 * on. Throws LocalFault when this machine cannot take more (the run stays unfinished), and the refusal itself when the
 * credentials do not do and nothing was saved.
 */
export const runBackup = async (options: RunOptions): Promise<RunRecord> => {
  const { api, tenants, repository, concurrency, stallMs, progress } = options;
  const started = new Date();
  const folder = makeRunFolder(repository, started);
  const records: TenantRecord[] = [];
  const stopping = new AbortController();
  let stop: Stop | undefined;
  let unreached = 0;
  // Several tenants are under way: what is read here may have changed since it was last looked at.
  const stopped = (): Stop | undefined => stop;
  const takeBack = onInterrupt(() => {
    progress.end();
    folder.tidy();
    const saved = countOf(records, "saved");
    if (saved > 0)
      options.onCut(`cut short: ${saved} of ${tenants.length} tenants are in ${folder.path}, an unfinished run`);
  });
  const add = (record: TenantRecord): void => {
    records.push(record);
    progress.item(record);
  };
  const one = async (tenant: ListedTenant): Promise<void> => {
    const before = stopped();
    if (before !== undefined) {
      records.push(notTried(tenant, before, 0));
      return;
    }
    const { record, error } = await backUpTenant(tenant, {
      api,
      folder: folder.path,
      stallMs,
      signal: stopping.signal,
      onRetry: progress.retry,
    });
    // What was broken off for another's sake does not bear that other's error.
    const since = stopped();
    add(since !== undefined && error === since.error ? notTried(tenant, since, record.attempts) : record);
    unreached = isTransient(error) ? unreached + 1 : 0;
    if (error === undefined || since !== undefined) return;
    stop = stopFor(error, unreached, concurrency);
    if (stop !== undefined) stopping.abort(stop.error);
  };
  try {
    progress.begin(tenants.length, folder.path);
    const limit = pLimit(concurrency);
    await Promise.all(tenants.map((tenant) => limit(one, tenant)));
    const saved = countOf(records, "saved");
    const why = stopped();
    if (why?.error instanceof LocalFault)
      throw new LocalFault(
        why.error.code,
        exitCodes.partial,
        `${why.error.message}; ${saved} of ${tenants.length} tenants are in ${folder.path}, an unfinished run`,
        why.error.hint,
      );
    if (why !== undefined && isRefusal(why.error) && saved === 0) throw why.error;
    const record: RunRecord = {
      format: "tenantctl-run/1",
      run: folder.id,
      folder: folder.path,
      api: api.target.url,
      startedAt: started.toISOString(),
      finishedAt: new Date().toISOString(),
      saved,
      failed: countOf(records, "failed"),
      gone: countOf(records, "gone"),
      bytes: records.reduce((sum, { bytes }) => sum + bytes, 0),
      tenants: records.sort((a, b) => (a.slug < b.slug ? -1 : 1)),
    };
    await store(folder, repository, record);
    return record;
  } finally {
    progress.end();
    takeBack();
    folder.tidy();
  }
};

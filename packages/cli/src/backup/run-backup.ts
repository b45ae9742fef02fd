import { hostname } from "node:os";
import { join } from "node:path";
import { ContractError, errors, exitCodes } from "@tenantctl/contract";
import pLimit from "p-limit";
import { CliError } from "../cli-error.ts";
import { failureOf } from "../report-error.ts";
import type { Api } from "../session/api.ts";
import { onInterrupt } from "../signals.ts";
import { backUpItem, unsaved } from "./back-up-item.ts";
import { backUpSeveral } from "./back-up-several.ts";
import { addToJournal, beginJournal, endJournal, type JournalItem } from "./journal.ts";
import type { ListedTenant } from "./listed-tenants.ts";
import type { Progress } from "./progress.ts";
import type { ResumedRun } from "./resumed.ts";
import { makeRunFolder } from "./run-folder.ts";
import {
  countOf,
  type ItemRecord,
  itemsOf,
  type RunRecord,
  recordFile,
  runFormat,
  systemName,
  type TenantRecord,
} from "./run-record.ts";
import { isTransient } from "./transience.ts";
import { beginFile, LocalFault, syncFolder } from "./whole-file.ts";

export interface RunOptions {
  readonly api: Api;
  readonly tenants: readonly ListedTenant[];
  /** True where no tenant was left out on purpose. */
  readonly all: boolean;
  readonly repository: string;
  /** age recipients; none: not encrypted. */
  readonly recipients: readonly string[];
  readonly concurrency: number;
  readonly stallMs: number;
  /** How long after its beginning prune may remove the run; undefined: as long as the resumed run says, or never. */
  readonly expiresAfterMs?: number | undefined;
  readonly progress: Progress;
  /** An unfinished run to go on with. */
  readonly resumed?: ResumedRun | undefined;
  /** Ends the run with its reason: somebody else has the lock. */
  readonly signal?: AbortSignal;
  /** Told what a signal leaves behind. Synchronous. */
  readonly onCut: (line: string) => void;
}

export interface FinishedBackup {
  readonly record: RunRecord;
  readonly folder: string;
}

/** The credentials do not do; the next tenant's answer would be the same. */
const isRefusal = (error: unknown): boolean =>
  (error instanceof ContractError && errors[error.code].exit === exitCodes.denied) ||
  (error instanceof CliError && error.exit === exitCodes.denied);

/** So many tenants in a row that could not be reached mean that the API is away, not that these have a problem. */
const patience = (concurrency: number): number => Math.max(10, 2 * concurrency);

/** Stores a run's record, which vouches for the files: their names are on the disk before it is. */
export const storeRecord = async (repository: string, folder: string, record: RunRecord): Promise<void> => {
  await syncFolder(folder);
  const path = join(folder, recordFile);
  const file = beginFile(path);
  try {
    await file.write(Buffer.from(`${JSON.stringify(record, null, 2)}\n`));
    await file.finish(path);
  } finally {
    await file.discard();
  }
  await syncFolder(folder);
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

/** Most tenants in one request. */
const mostTogether = 32;

/** Tenants that are asked for together: enough groups that all that run at once have work to the end. */
const inGroups = (tenants: readonly ListedTenant[], concurrency: number): ListedTenant[][] => {
  const size = Math.min(mostTogether, Math.ceil(tenants.length / (2 * concurrency)));
  const groups: ListedTenant[][] = [];
  for (let start = 0; start < tenants.length; start += size) groups.push(tenants.slice(start, start + size));
  return groups;
};

const notTried = ({ detail }: Stop, attempts: number): ItemRecord =>
  unsaved("failed", attempts, 0, { code: "not_tried", detail });

const unfinished = (saved: number, total: number, folder: string): string =>
  `${saved} of ${total} tenants are in ${folder}, an unfinished run; --resume goes on with it`;

const begun = ({ repository, recipients, resumed, expiresAfterMs }: RunOptions) => {
  const started = resumed?.startedAt ?? new Date();
  const expiresAt =
    expiresAfterMs === undefined ? resumed?.expiresAt : new Date(started.getTime() + expiresAfterMs).toISOString();
  const expiry = expiresAt === undefined ? {} : { expiresAt };
  if (resumed !== undefined) return { folder: resumed.folder, started, expiry };
  const folder = makeRunFolder(repository, started);
  try {
    beginJournal(folder.path, { startedAt: started.toISOString(), recipients, ...expiry });
  } catch (error) {
    folder.tidy();
    throw error;
  }
  return { folder, started, expiry };
};

/**
 * Backs the system and tenants up, several at once, into a folder of the run's own. What fails is in the record; the others
 * go on. Throws LocalFault when this machine cannot take more, or the reason of `signal` (the run stays unfinished), and the
 * refusal itself when the credentials do not do and nothing was saved.
 */
export const runBackup = async (options: RunOptions): Promise<FinishedBackup> => {
  const { api, tenants, repository, recipients, concurrency, stallMs, progress, resumed } = options;
  const { folder, started, expiry } = begun(options);
  const records: TenantRecord[] = [];
  let system: ItemRecord = notTried({ error: undefined, detail: "not tried" }, 0);
  const stopping = new AbortController();
  let stop: Stop | undefined;
  let unreached = 0;
  // Several are under way: what is read here may have changed since it was last looked at.
  const stopped = (): Stop | undefined => stop;
  const halt = (next: Stop): void => {
    stop ??= next;
    stopping.abort(next.error);
  };
  const lost = (): void => halt({ error: options.signal?.reason, detail: "not tried: the run lost its lock" });
  if (options.signal?.aborted) lost();
  options.signal?.addEventListener("abort", lost, { once: true });
  const takeBack = onInterrupt(() => {
    progress.end();
    folder.tidy();
    const saved = countOf(records, "saved");
    if (saved > 0) options.onCut(`cut short: ${unfinished(saved, tenants.length, folder.path)}`);
  });

  const noteDown = (item: JournalItem): void => {
    try {
      addToJournal(folder.path, item);
    } catch (error) {
      halt({ error, detail: failureOf(error).detail });
    }
  };
  const keptOf = (tenant: ListedTenant | null) => resumed?.kept.get(tenant?.id ?? null);
  const attempt = async (tenant: ListedTenant | null): Promise<ItemRecord> => {
    const kept = keptOf(tenant);
    if (kept !== undefined) return kept;
    const before = stopped();
    if (before !== undefined) return notTried(before, 0);
    const { record, error } = await backUpItem(tenant, {
      api,
      folder: folder.path,
      recipients,
      stallMs,
      signal: stopping.signal,
      onRetry: (cause) => progress.retry(tenant?.slug ?? systemName, cause),
    });
    // What was broken off for another's sake does not bear that other's error.
    const since = stopped();
    const own = since !== undefined && error === since.error ? notTried(since, record.attempts) : record;
    if (own.outcome === "saved") noteDown({ tenant: tenant?.id ?? null, record: own });
    unreached = isTransient(error) ? unreached + 1 : 0;
    const next = error === undefined || since !== undefined ? undefined : stopFor(error, unreached, concurrency);
    if (next !== undefined) halt(next);
    return own;
  };
  const note = ({ id, slug, status }: ListedTenant, item: ItemRecord): void => {
    const record: TenantRecord = { id, slug, status, ...item };
    records.push(record);
    progress.item(slug, record);
  };
  const one = async (tenant: ListedTenant): Promise<void> => note(tenant, await attempt(tenant));
  let severalWork = true;
  const several = async (group: readonly ListedTenant[]): Promise<void> => {
    const left = new Map(group.map((tenant) => [tenant.id, tenant]));
    if (severalWork && group.length > 1 && stopped() === undefined) {
      const job = { api, folder: folder.path, recipients, stallMs, signal: stopping.signal };
      await backUpSeveral(group, job, (tenant, record) => {
        left.delete(tenant.id);
        unreached = 0;
        noteDown({ tenant: tenant.id, record });
        note(tenant, record);
      }).catch((error: unknown) => {
        // Whatever it was: asked for alone, each tells its own. An older API does not know the request.
        if (failureOf(error).code === "route_not_found") severalWork = false;
      });
    }
    for (const tenant of left.values()) await one(tenant);
  };
  const first = async (): Promise<void> => {
    system = await attempt(null);
    progress.item(systemName, system);
  };

  try {
    progress.begin(tenants.length + 1, folder.path);
    const limit = pLimit(concurrency);
    const groups = inGroups(
      tenants.filter((tenant) => keptOf(tenant) === undefined),
      concurrency,
    );
    const kept = tenants.filter((tenant) => keptOf(tenant) !== undefined);
    await Promise.all([
      limit(first),
      ...kept.map((tenant) => limit(one, tenant)),
      ...groups.map((group) => limit(several, group)),
    ]);
    const saved = countOf(records, "saved");
    const why = stopped();
    const cutShort = ({ code, message, hint }: LocalFault): LocalFault =>
      new LocalFault(code, exitCodes.partial, `${message}; ${unfinished(saved, tenants.length, folder.path)}`, hint);
    if (why?.error instanceof LocalFault) throw cutShort(why.error);
    if (why !== undefined && options.signal?.aborted) throw why.error;
    if (why !== undefined && isRefusal(why.error) && saved === 0) throw why.error;
    const run = { system, tenants: records.sort((a, b) => (a.slug < b.slug ? -1 : 1)) };
    const record: RunRecord = {
      format: runFormat,
      run: folder.id,
      api: api.target.url,
      host: hostname(),
      startedAt: started.toISOString(),
      finishedAt: new Date().toISOString(),
      ...expiry,
      all: options.all,
      recipients,
      saved,
      failed: countOf(records, "failed"),
      gone: countOf(records, "gone"),
      bytes: itemsOf(run).reduce((sum, { item }) => sum + item.bytes, 0),
      ...run,
    };
    await storeRecord(repository, folder.path, record).catch((error: unknown) => {
      throw error instanceof LocalFault ? cutShort(error) : error;
    });
    endJournal(folder.path);
    return { record, folder: folder.path };
  } finally {
    options.signal?.removeEventListener("abort", lost);
    progress.end();
    takeBack();
    folder.tidy();
  }
};

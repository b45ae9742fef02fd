import { join } from "node:path";
import { ContractError } from "@tenantctl/contract";
import { failureOf } from "../report-error.ts";
import type { Api } from "../session/api.ts";
import { type FetchedArchive, fetchArchive } from "./fetch-archive.ts";
import type { ListedTenant } from "./listed-tenants.ts";
import { archiveName } from "./run-folder.ts";
import type { ItemRecord } from "./run-record.ts";
import { withRetries } from "./transience.ts";
import { beginFile } from "./whole-file.ts";

export interface ItemJob {
  readonly api: Api;
  readonly folder: string;
  readonly recipients: readonly string[];
  readonly stallMs: number;
  readonly signal: AbortSignal;
  readonly onRetry: (error: unknown) => void;
}

/** A file that there is not. */
export const unsaved = (
  outcome: "failed" | "gone",
  attempts: number,
  seconds: number,
  error: ItemRecord["error"],
): ItemRecord => ({
  outcome,
  file: null,
  bytes: 0,
  sha256: null,
  snapshotAt: null,
  rows: null,
  attempts,
  seconds,
  error,
});

const isAbsent = (error: unknown): boolean => error instanceof ContractError && error.code === "tenant_not_found";

/** An archive that is not found is believed only when the tenant itself is not found either. */
const isGone = async (api: Api, id: string): Promise<boolean> => {
  try {
    const { status } = await api.call("tenants.get", { params: { id } });
    return status === "purged";
  } catch (error) {
    return isAbsent(error);
  }
};

/** The record of a file that is there. */
export const savedAs = (
  file: string,
  { bytes, sha256, manifest }: FetchedArchive,
  attempts: number,
  seconds: number,
): ItemRecord => ({
  outcome: "saved",
  file,
  bytes,
  sha256,
  snapshotAt: new Date(manifest.snapshot.at).toISOString(),
  rows: Object.fromEntries(manifest.tables.map((table) => [table.name, table.rows])),
  attempts,
  seconds,
  error: null,
});

const save = async (tenant: ListedTenant | null, job: ItemJob) => {
  const name = archiveName(tenant?.slug ?? null, job.recipients.length > 0);
  const path = join(job.folder, name);
  const file = beginFile(path);
  try {
    const fetched = await fetchArchive(job.api, { ...job, tenant, write: file.write });
    await file.finish(path);
    return { name, ...fetched };
  } finally {
    await file.discard();
  }
};

export interface ItemResult {
  readonly record: ItemRecord;
  /** Why it failed. */
  readonly error?: unknown;
}

/** Saves one archive (null: the system's), whole or not at all; what is transient is tried again. Never throws. */
export const backUpItem = async (tenant: ListedTenant | null, job: ItemJob): Promise<ItemResult> => {
  const { api, signal, onRetry } = job;
  const started = performance.now();
  const seconds = (): number => Math.round(performance.now() - started) / 1000;
  let attempts = 0;
  try {
    const { name, ...fetched } = await withRetries(
      (attempt) => {
        attempts = attempt;
        return save(tenant, job);
      },
      { signal, onRetry },
    );
    return { record: savedAs(name, fetched, attempts, seconds()) };
  } catch (error) {
    if (tenant !== null && isAbsent(error) && (await isGone(api, tenant.id)))
      return { record: unsaved("gone", attempts, seconds(), null) };
    const { code, detail } = failureOf(error);
    return { record: unsaved("failed", attempts, seconds(), { code, detail }), error };
  }
};

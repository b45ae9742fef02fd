import { join } from "node:path";
import { ContractError } from "@tenantctl/contract";
import { failureOf } from "../report-error.ts";
import type { Api } from "../session/api.ts";
import { fetchExport } from "./fetch-export.ts";
import type { ListedTenant } from "./listed-tenants.ts";
import { fileNameOf } from "./run-folder.ts";
import type { TenantRecord } from "./run-record.ts";
import { withRetries } from "./transience.ts";
import { beginFile } from "./whole-file.ts";

export interface TenantJob {
  readonly api: Api;
  readonly folder: string;
  readonly stallMs: number;
  readonly signal: AbortSignal;
  readonly onRetry: (slug: string, error: unknown) => void;
}

/** A tenant of which nothing was saved. */
export const unsaved = (
  { id, slug, status }: ListedTenant,
  outcome: "failed" | "gone",
  attempts: number,
  error: TenantRecord["error"],
): TenantRecord => ({
  id,
  slug,
  status,
  outcome,
  file: null,
  bytes: 0,
  sha256: null,
  rows: null,
  attempts,
  error,
});

const isAbsent = (error: unknown): boolean => error instanceof ContractError && error.code === "tenant_not_found";

/** An export that is not found is believed only when the tenant itself is not found either. */
const isGone = async (api: Api, id: string): Promise<boolean> => {
  try {
    const { status } = await api.call("tenants.get", { params: { id } });
    return status === "purged";
  } catch (error) {
    return isAbsent(error);
  }
};

const saved = async (tenant: ListedTenant, attempts: number, job: TenantJob): Promise<TenantRecord> => {
  const name = fileNameOf(tenant.slug);
  const path = join(job.folder, name);
  const file = beginFile(path);
  try {
    const { bytes, sha256, counts } = await fetchExport(job.api, {
      tenant: tenant.id,
      name: tenant.slug,
      stallMs: job.stallMs,
      signal: job.signal,
      write: file.write,
    });
    await file.finish(path);
    const { id, slug, status } = tenant;
    return { id, slug, status, outcome: "saved", file: name, bytes, sha256, rows: counts, attempts, error: null };
  } finally {
    await file.discard();
  }
};

export interface TenantResult {
  readonly record: TenantRecord;
  /** Why it failed. */
  readonly error?: unknown;
}

/** Saves one tenant, whole or not at all; what is transient is tried again. Never throws. */
export const backUpTenant = async (tenant: ListedTenant, job: TenantJob): Promise<TenantResult> => {
  let attempts = 0;
  try {
    const record = await withRetries(
      async (attempt) => {
        attempts = attempt;
        return saved(tenant, attempt, job);
      },
      { signal: job.signal, onRetry: (error) => job.onRetry(tenant.slug, error) },
    );
    return { record };
  } catch (error) {
    if (isAbsent(error) && (await isGone(job.api, tenant.id)))
      return { record: unsaved(tenant, "gone", attempts, null) };
    const { code, detail } = failureOf(error);
    return { record: unsaved(tenant, "failed", attempts, { code, detail }), error };
  }
};

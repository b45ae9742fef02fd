import { join } from "node:path";
import { exitCodes } from "@tenantctl/contract";
import { progressLines, silent } from "../backup/progress.ts";
import { backupItems, reportRun } from "../backup/report-run.ts";
import { runBackup } from "../backup/run-backup.ts";
import { stallTimeoutMs } from "../backup/stall-timeout.ts";
import { CliError } from "../cli-error.ts";
import type { Invocation } from "../invocation.ts";
import type { Api } from "../session/api.ts";
import { type CheckedArchive, checkArchive, checkStoredBytes } from "./checked-archive.ts";

export interface Present {
  readonly api: Api;
  readonly tenant: { readonly id: string; readonly slug: string };
  readonly repository: string;
  readonly recipients: readonly string[];
  readonly identities: readonly string[];
  readonly expiresAfterMs: number | undefined;
}

const notSaved = (slug: string, why: string): CliError =>
  new CliError(
    "backup_incomplete",
    exitCodes.partial,
    `nothing was restored, since the present state of ${slug} could not be backed up: ${why}`,
    "Put right what is named and run it again; --no-backup gives the present state up.",
  );

/** What was encrypted for others can be held against its hash alone; it was verified while it came. */
const readBack = async (
  path: string,
  identities: readonly string[],
  sha256: string,
): Promise<CheckedArchive | undefined> => {
  try {
    return await checkArchive(path, identities, sha256);
  } catch (error) {
    if (!(error instanceof CliError) || !["wrong_key", "key_missing"].includes(error.code)) throw error;
    await checkStoredBytes(path, sha256);
    return undefined;
  }
};

/**
 * Backs the tenant up as it is now, in a run of its own, and reads the stored file back. Throws, exit 3, unless it is there and
 * whole. `archive` is undefined where no key is at hand that opens it. It waits for no other run: what is lost is restored while the night's backup is still going.
 */
export const backUpPresent = async (
  invocation: Invocation,
  { api, tenant, repository, recipients, identities, expiresAfterMs }: Present,
): Promise<{ readonly run: string; readonly archive: CheckedArchive | undefined }> => {
  const { out, settings } = invocation;
  const { status } = await api.call("tenants.get", { params: { id: tenant.id } });
  const { record, folder } = await runBackup({
    api,
    tenants: [{ ...tenant, status }],
    all: false,
    repository,
    recipients,
    concurrency: 2,
    stallMs: stallTimeoutMs(invocation),
    expiresAfterMs,
    progress: settings.output === "table" ? progressLines(out.note) : silent,
    onCut: () => undefined,
  });
  const [saved] = record.tenants;
  if (saved?.outcome !== "saved" || saved.file === null || saved.sha256 === null)
    throw notSaved(tenant.slug, saved?.error?.detail ?? "it is gone");
  const archive = await readBack(join(folder, saved.file), identities, saved.sha256);
  await reportRun(
    api,
    {
      runId: record.run,
      kind: "backup",
      repository,
      startedAt: record.startedAt,
      finishedAt: record.finishedAt,
      exitCode: record.failed === 0 ? exitCodes.done : exitCodes.partial,
      expiresAt: record.expiresAt,
      items: backupItems(record),
    },
    out.note,
  );
  return { run: record.run, archive };
};

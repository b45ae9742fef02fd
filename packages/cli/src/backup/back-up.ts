import { hostname } from "node:os";
import { resolve } from "node:path";
import { exitCodes } from "@tenantctl/contract";
import { failureOf } from "../report-error.ts";
import type { Api } from "../session/api.ts";
import { takeLease } from "./lease.ts";
import { listTenants, type Selection } from "./listed-tenants.ts";
import type { Progress } from "./progress.ts";
import { backupItems, reportRun } from "./report-run.ts";
import { readRuns } from "./repository.ts";
import { lockRepository } from "./repository-lock.ts";
import { resumeRun } from "./resumed.ts";
import { type FinishedBackup, runBackup } from "./run-backup.ts";
import { isComplete } from "./summary.ts";

export interface BackUpOptions {
  readonly api: Api;
  readonly repository: string;
  readonly selection: Selection;
  readonly recipients: readonly string[];
  readonly concurrency: number;
  readonly stallMs: number;
  /** How long after its beginning prune may remove the run. */
  readonly expiresAfterMs: number | undefined;
  /** Go on with the newest unfinished run, if there is one. */
  readonly resume: boolean;
  readonly progress: Progress;
  readonly note: (line: string) => void;
  /** Told what a signal leaves behind. Synchronous. */
  readonly onCut: (line: string) => void;
}

/** 0, or 3 where something was not saved. */
export const exitOf = ({ record }: FinishedBackup): number => (isComplete(record) ? exitCodes.done : exitCodes.partial);

/**
 * One whole backup run: alone in the repository and in the system, recorded, reported to the API. Throws what keeps it from
 * beginning or from going on; exit 11 where another run is under way.
 */
export const backUp = async (options: BackUpOptions): Promise<FinishedBackup> => {
  const { api, repository, selection, recipients, stallMs, resume, note } = options;
  const lock = lockRepository(repository, "backup");
  try {
    const lost = new AbortController();
    const lease = await takeLease({
      api,
      holder: `${hostname()} pid ${process.pid} ${resolve(repository)}`,
      abandoned: lock.tookOver?.lease ?? null,
      onLost: (error) => lost.abort(error),
    });
    try {
      lock.note(lease.id);
      const resumed = resume ? await resumeRun(repository, await readRuns(repository), recipients) : undefined;
      if (resumed !== undefined)
        note(`going on with ${resumed.folder.id}, of which ${resumed.kept.size} files are there`);
      else if (resume) note("there is no unfinished run to go on with: this is a new one");
      const tenants = await listTenants(api, selection, stallMs, (error) =>
        note(`trying again: ${failureOf(error).detail}`),
      );
      const all = selection.tenants.length === 0 && selection.status === undefined;
      const finished = await runBackup({ ...options, tenants, all, resumed, signal: lost.signal });
      const { record } = finished;
      await reportRun(
        api,
        {
          runId: record.run,
          kind: "backup",
          repository,
          startedAt: record.startedAt,
          finishedAt: record.finishedAt,
          exitCode: exitOf(finished),
          expiresAt: record.expiresAt,
          items: backupItems(record),
        },
        note,
      );
      return finished;
    } finally {
      await lease.release();
    }
  } finally {
    lock.release();
  }
};

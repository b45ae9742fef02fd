import { created } from "../answer.ts";
import type { Handlers } from "../call.ts";
import { backupStatus } from "./backup-status.ts";
import { acquireLease, releaseLease, renewLease } from "./lease.ts";
import { listRuns } from "./list-runs.ts";
import { reportRun } from "./report-run.ts";

export const backupHandlers: Handlers<
  "backups.acquire" | "backups.renew" | "backups.release" | "backups.report" | "backups.runs" | "backups.status"
> = {
  "backups.acquire": async (call) => created(await acquireLease(call)),
  "backups.renew": renewLease,
  "backups.release": releaseLease,
  "backups.report": reportRun,
  "backups.runs": listRuns,
  "backups.status": backupStatus,
};

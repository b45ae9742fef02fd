import { build, sql } from "@tenantctl/database";
import { evaluateAlerts } from "../alerts/evaluate.ts";
import { forgetOldAlerts } from "../alerts/forget-old-alerts.ts";
import type { App } from "../app.ts";
import { announceCheckpoint } from "../audit/announce-checkpoint.ts";
import { retainAudit } from "../audit/retain-audit.ts";
import { endedSessionsCleanup } from "../auth/ended-sessions-cleanup.ts";
import { forgetOldRuns } from "../backups/forget-old-runs.ts";
import { keepFacts } from "../checks/keep-facts.ts";
import { deliverDue } from "../deliveries/deliver-due.ts";
import { forgetOldDeliveries } from "../deliveries/forget-old-deliveries.ts";
import { removeLeftCanaries } from "../diagnose/isolation/canary-lease.ts";
import { countTenantRows } from "../metrics/count-rows.ts";
import { rollUpUse } from "../metrics/roll-up-use.ts";
import { resumeOperations } from "../operations/resume-operations.ts";
import { findDrift } from "../quotas/find-drift.ts";
import { endInterruptedRestores } from "../restores/end-interrupted-restores.ts";
import { purgeDueTenants } from "../tenants/purge-due-tenants.ts";

/** A piece of background work that can be run at any time, any number of times. */
export interface Task {
  readonly about: string;
  /** When, in UTC. */
  readonly cron: string;
  /** Also when a process starts. */
  readonly atStart?: boolean;
  readonly run: (app: App) => Promise<unknown>;
}

/** An answer to the same Idempotency-Key is repeated for a day. */
const expireIdempotencyKeys = async ({ db }: App): Promise<void> => {
  await db
    .operator()
    .run(sql`delete from app.idempotency_keys where created_at < now() - interval '1 day'`.compile(build));
};

const ensureAuditPartitions = async ({ db }: App): Promise<void> => {
  await db.operator().run(sql`select tenancy.ensure_audit_partitions()`.compile(build));
};

const keepAccessLog = async ({ db }: App): Promise<void> => {
  await db.operator().run(sql`select tenancy.ensure_access_partitions()`.compile(build));
  await db.operator().run(sql`select app.drop_old_accesses()`.compile(build));
};

const forgetOldErrors = async ({ db }: App): Promise<void> => {
  await db.operator().run(sql`select app.forget_old_errors()`.compile(build));
};

export const tasks: Readonly<Record<string, Task>> = {
  evaluate_alerts: {
    about: "opens, refreshes and resolves alerts, and tells of them",
    cron: "* * * * *",
    atStart: true,
    run: async (app) => {
      await evaluateAlerts(app.db);
      // Not waited for: a receiver that hangs must not hold up the next evaluation.
      void deliverDue(app);
    },
  },
  forget_old_alerts: {
    about: "forgets alerts that were resolved 400 days ago",
    cron: "59 3 * * *",
    run: forgetOldAlerts,
  },
  deliver_notifications: {
    about: "sends contacts what is due",
    cron: "* * * * *",
    atStart: true,
    // Begun, not waited for: a receiver that hangs holds up no other job.
    run: async (app) => void deliverDue(app),
  },
  resume_operations: {
    about: "goes on with operations whose process ended",
    cron: "* * * * *",
    atStart: true,
    run: resumeOperations,
  },
  end_interrupted_restores: {
    about: "ends restores whose process was killed, and lets go of their tenants",
    cron: "* * * * *",
    atStart: true,
    run: endInterruptedRestores,
  },
  purge_due_tenants: {
    about: "removes the data of tenants that were deleted long enough ago",
    cron: "*/5 * * * *",
    run: purgeDueTenants,
  },
  clean_ended_sessions: {
    about: "removes sessions and reset secrets that are long over",
    cron: "17 * * * *",
    run: endedSessionsCleanup,
  },
  remove_left_canaries: {
    about: "empties the tenants that a killed diagnosis of isolation has left",
    cron: "* * * * *",
    atStart: true,
    run: ({ db }) => removeLeftCanaries(db),
  },
  expire_idempotency_keys: {
    about: "forgets answers kept for a repeat",
    cron: "23 * * * *",
    run: expireIdempotencyKeys,
  },
  ensure_audit_partitions: {
    about: "makes the audit log's partitions of the coming months",
    cron: "41 3 * * *",
    atStart: true,
    run: ensureAuditPartitions,
  },
  announce_audit_checkpoint: {
    about: "tells the security contacts where the audit log's chains end",
    cron: "0 * * * *",
    run: announceCheckpoint,
  },
  retain_audit: {
    about: "drops the audit log's months that are old enough, where that is configured",
    cron: "53 3 * * *",
    run: retainAudit,
  },
  forget_old_backup_runs: {
    about: "forgets runs of 400 days ago of which no archive is left",
    cron: "47 3 * * *",
    run: forgetOldRuns,
  },
  forget_old_deliveries: {
    about: "forgets deliveries that ended 30 days ago",
    cron: "53 * * * *",
    run: forgetOldDeliveries,
  },
  keep_access_log: {
    about: "makes the access log's partitions of the coming days, and drops days older than 90",
    cron: "37 * * * *",
    atStart: true,
    run: keepAccessLog,
  },
  forget_old_errors: {
    about: "forgets kinds of error that were last seen 90 days ago",
    cron: "53 3 * * *",
    run: forgetOldErrors,
  },
  roll_up_use: {
    about: "adds use up to hours after 2 days and to days after 35, and removes it after 400",
    cron: "9,29,49 * * * *",
    run: rollUpUse,
  },
  keep_daily_facts: {
    about: "keeps the day's sizes and the hour's requests, for the monthly checklist; forgets them after 400 days",
    cron: "4,19,34,49 * * * *",
    atStart: true,
    run: keepFacts,
  },
  find_quota_drift: {
    about: "compares the counters of quotas with what is there: what was changed since, and some of the others",
    cron: "27 * * * *",
    run: findDrift,
  },
  count_tenant_rows: {
    about: "counts the rows of tenants that were not counted for six hours",
    cron: "* * * * *",
    atStart: true,
    run: countTenantRows,
  },
};

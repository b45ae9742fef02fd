import type { App } from "../app.ts";
import { systemInMaintenance } from "../maintenance/system-in-maintenance.ts";
import { announceCheckpoint } from "./announce-checkpoint.ts";
import { auditRow } from "./audit-row.ts";
import { appendCheckpoint } from "./checkpoint-file.ts";
import { applyRetention, planRetention } from "./retention.ts";

/**
 * Drops what is older than the configured months; nothing unless they are configured, nor while the
 * system is in maintenance. What stands in its way is said in the
 * log, and looked at again the next day.
 */
export const retainAudit = async (app: App): Promise<void> => {
  const { auditCheckpointFile, auditRetentionMonths } = app.settings;
  if (auditRetentionMonths === undefined) return;
  const scope = app.db.operator(undefined, { readOnly: true });
  if (await systemInMaintenance(scope)) return;
  const plan = await planRetention(scope, auditRetentionMonths);
  if (plan.obstacles.length > 0 && plan.rows > 0) {
    app.log.warn({ before: plan.before, obstacles: plan.obstacles }, "old months of the audit log are kept");
    return;
  }
  if (plan.rows > 0) {
    if (auditCheckpointFile !== undefined) await appendCheckpoint(app, auditCheckpointFile, { now: true });
    await announceCheckpoint(app);
  }
  const gone = await applyRetention(app, plan, {
    and: [
      auditRow({
        tenantId: null,
        action: "drop",
        resourceType: "audit_log",
        actor: { type: "system", id: null, name: "retention" },
        after: { before: plan.before, rows: plan.rows },
      }),
    ],
  });
  if (gone > 0) app.log.info({ before: plan.before, rows: gone }, "old months of the audit log were dropped");
};

import { auditReview } from "./audit-review.ts";
import { backupStatus } from "./backup-status.ts";
import { capacity } from "./capacity.ts";
import type { Check } from "./check.ts";
import { documentation } from "./documentation.ts";
import { growth } from "./growth.ts";
import { openAlerts } from "./open-alerts.ts";
import { quotaUse } from "./quota-use.ts";
import { recentErrors } from "./recent-errors.ts";
import { securityLog } from "./security-log.ts";
import { systemHealth } from "./system-health.ts";
import { tenantStatuses } from "./tenant-statuses.ts";
import { usagePatterns } from "./usage-patterns.ts";

/** The guide's checklists, line by line. To add a line, add a row. */
export const checks: readonly Check[] = [
  { id: "system_health", cadence: "daily", title: "Check system health", look: systemHealth },
  { id: "error_logs", cadence: "daily", title: "Review error logs", look: recentErrors },
  { id: "quota_usage", cadence: "daily", title: "Monitor quota usage", look: quotaUse },
  { id: "alerts", cadence: "daily", title: "Check for alerts", look: openAlerts },

  { id: "tenant_statuses", cadence: "weekly", title: "Review tenant statuses", look: tenantStatuses },
  { id: "backup_status", cadence: "weekly", title: "Check backup status", look: backupStatus },
  { id: "audit_logs", cadence: "weekly", title: "Review audit logs", look: auditReview },
  { id: "documentation", cadence: "weekly", title: "Update documentation", look: documentation },

  { id: "tenant_growth", cadence: "monthly", title: "Review tenant growth", look: growth },
  { id: "usage_patterns", cadence: "monthly", title: "Analyze usage patterns", look: usagePatterns },
  { id: "capacity", cadence: "monthly", title: "Plan capacity upgrades", look: capacity },
  { id: "security_logs", cadence: "monthly", title: "Review security logs", look: securityLog },
];

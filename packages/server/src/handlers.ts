import { accessLogHandlers } from "./access-log/access-handlers.ts";
import { alertHandlers } from "./alerts/alert-handlers.ts";
import { ruleHandlers } from "./alerts/rule-handlers.ts";
import { silenceHandlers } from "./alerts/silence-handlers.ts";
import { archiveHandlers } from "./archive/archive-handlers.ts";
import { auditHandlers } from "./audit/audit-handlers.ts";
import { authHandlers } from "./auth/auth-handlers.ts";
import { backupHandlers } from "./backups/backup-handlers.ts";
import type { Handlers } from "./call.ts";
import { changelogHandlers } from "./changelog/changelog-handlers.ts";
import { checkHandlers } from "./checks/check-handlers.ts";
import { contactHandlers } from "./contacts/contact-handlers.ts";
import { customerHandlers } from "./customers/customer-handlers.ts";
import { deliveryHandlers } from "./deliveries/delivery-handlers.ts";
import { diagnoseHandlers } from "./diagnose/diagnose-handlers.ts";
import { errorHandlers } from "./errors/error-handlers.ts";
import { exportHandlers } from "./export/export-handlers.ts";
import { healthHandlers } from "./health/health-handlers.ts";
import { holdHandlers } from "./holds/hold-handlers.ts";
import { incidentHandlers } from "./incidents/incident-handlers.ts";
import { maintenanceHandlers } from "./maintenance/maintenance-handlers.ts";
import { metricsHandlers } from "./metrics/metrics-handlers.ts";
import { operationHandlers } from "./operations/operation-handlers.ts";
import { operatorHandlers } from "./operators/operator-handlers.ts";
import { placementHandlers } from "./placements/placement-handlers.ts";
import { planHandlers } from "./plans/plan-handlers.ts";
import { quotaHandlers } from "./quotas/quota-handlers.ts";
import { restoreHandlers } from "./restores/restore-handlers.ts";
import { tenantHandlers } from "./tenants/tenant-handlers.ts";
import { tokenHandlers } from "./tokens/token-handlers.ts";
import { userHandlers } from "./users/user-handlers.ts";

/** One handler for each route of the contract. */
export const handlers: Handlers = {
  ...authHandlers,
  ...tenantHandlers,
  ...exportHandlers,
  ...userHandlers,
  ...customerHandlers,
  ...quotaHandlers,
  ...placementHandlers,
  ...planHandlers,
  ...operatorHandlers,
  ...tokenHandlers,
  ...auditHandlers,
  ...accessLogHandlers,
  ...checkHandlers,
  ...diagnoseHandlers,
  ...errorHandlers,
  ...alertHandlers,
  ...ruleHandlers,
  ...silenceHandlers,
  ...metricsHandlers,
  ...archiveHandlers,
  ...restoreHandlers,
  ...operationHandlers,
  ...backupHandlers,
  ...holdHandlers,
  ...maintenanceHandlers,
  ...changelogHandlers,
  ...contactHandlers,
  ...deliveryHandlers,
  ...incidentHandlers,
  ...healthHandlers,
};

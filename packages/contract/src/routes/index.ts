import type { RouteShape } from "../route.ts";
import { accessLogRoutes } from "./access-log.ts";
import { alertRuleRoutes } from "./alert-rules.ts";
import { alertRoutes } from "./alerts.ts";
import { auditRoutes } from "./audit.ts";
import { authRoutes } from "./auth.ts";
import { backupRoutes } from "./backups.ts";
import { changelogRoutes } from "./changelog.ts";
import { checkRoutes } from "./checks.ts";
import { contactRoutes } from "./contacts.ts";
import { customerRoutes } from "./customers.ts";
import { deliveryRoutes } from "./deliveries.ts";
import { diagnoseRoutes } from "./diagnose.ts";
import { errorRoutes } from "./errors.ts";
import { healthRoutes } from "./health.ts";
import { holdRoutes } from "./holds.ts";
import { incidentRoutes } from "./incidents.ts";
import { maintenanceRoutes } from "./maintenance.ts";
import { metricsRoutes } from "./metrics.ts";
import { operationRoutes } from "./operations.ts";
import { operatorRoutes } from "./operators.ts";
import { placementRoutes } from "./placements.ts";
import { quotaRoutes } from "./quotas.ts";
import { restoreRoutes } from "./restores.ts";
import { tenantRoutes } from "./tenants.ts";
import { tokenRoutes } from "./tokens.ts";
import { userRoutes } from "./users.ts";

/** Every route of the product by its id. */
export const routes = {
  ...authRoutes,
  ...tenantRoutes,
  ...userRoutes,
  ...customerRoutes,
  ...quotaRoutes,
  ...operatorRoutes,
  ...tokenRoutes,
  ...auditRoutes,
  ...accessLogRoutes,
  ...alertRoutes,
  ...alertRuleRoutes,
  ...checkRoutes,
  ...diagnoseRoutes,
  ...errorRoutes,
  ...metricsRoutes,
  ...operationRoutes,
  ...placementRoutes,
  ...backupRoutes,
  ...restoreRoutes,
  ...holdRoutes,
  ...maintenanceRoutes,
  ...changelogRoutes,
  ...contactRoutes,
  ...deliveryRoutes,
  ...incidentRoutes,
  ...healthRoutes,
} satisfies Record<string, RouteShape>;

export type Routes = typeof routes;
export type RouteId = keyof Routes;
export const routeIds = Object.keys(routes) as RouteId[];

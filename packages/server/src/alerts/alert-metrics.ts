import { alteredChainsMetric, sealLagMetric } from "../audit/seal-lag-metric.ts";
import { loginMetrics } from "../auth/login-metrics.ts";
import { backupMetrics } from "../backups/backup-metrics.ts";
import { checkMetrics } from "../checks/overdue-metric.ts";
import { deliveryMetrics } from "../deliveries/delivery-metric.ts";
import { taskMetrics } from "../jobs/task-metric.ts";
import { useMetrics } from "../metrics/use-metrics.ts";
import { driftMetrics } from "../quotas/drift-metric.ts";
import { quotaMetrics } from "../quotas/quota-metric.ts";
import { tokenMetrics } from "../tokens/token-metric.ts";
import type { AlertMetric } from "./alert-metric.ts";
import { databaseMetrics } from "./database-metrics.ts";
import { hostMetrics } from "./host-metrics.ts";
import { ownMetrics } from "./own-metrics.ts";

export type AlertMetrics = Readonly<Record<string, AlertMetric>>;

/** Everything that rules can watch, by the name that a rule gives. */
export const alertMetrics: AlertMetrics = {
  ...quotaMetrics,
  ...driftMetrics,
  ...loginMetrics,
  ...useMetrics,
  ...backupMetrics,
  ...tokenMetrics,
  ...databaseMetrics,
  ...hostMetrics,
  seal_lag: sealLagMetric,
  altered_chains: alteredChainsMetric,
  ...taskMetrics,
  ...deliveryMetrics,
  ...checkMetrics,
  ...ownMetrics,
};

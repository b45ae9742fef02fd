import type { AlertMetric } from "./alert-metric.ts";

/** Everything that rules can watch, by the name that a rule gives. */
export const alertMetrics: Readonly<Record<string, AlertMetric>> = {};

import { type ResultOf, type Routes, version } from "@tenantctl/contract";
import type { Scope } from "@tenantctl/database";
import type { App } from "../app.ts";
import { healthOf } from "../health/health-of.ts";
import { failedOperations, jobs, totals, worstAlerts } from "./current-facts.ts";
import { diskSpace } from "./disk-space.ts";
import { needsAttention } from "./needs-attention.ts";
import { scannedFacts } from "./scanned-facts.ts";

type Status = ResultOf<Routes["status.get"]>;

/** The whole system in two round trips. The scope's entry check comes first: facts that are kept are for operators alone. */
export const statusOf = async (app: App, scope: Scope): Promise<Status> => {
  const [health, disk, [[counted], alerts, failed, [work]]] = await Promise.all([
    healthOf(app),
    diskSpace(app.settings),
    scope.batch([totals, worstAlerts, failedOperations, jobs]),
  ]);
  if (counted === undefined || work === undefined) throw new Error("totals without a group are one row");
  const { at, running, ...unattended } = counted;
  const facts = {
    at,
    health,
    version,
    jobs: work,
    disk,
    ...(await scannedFacts(app.db, scope)),
    alerts,
    alertsTotal: unattended.alerts,
    alertsUnattended: { critical: unattended.critical, warning: unattended.warning, info: unattended.info },
    operationsRunning: running,
    operationsFailed: unattended.failed,
  };
  const { needsAttention: items, needsAttentionTotal } = needsAttention({ ...facts, failedOperations: failed });
  return { ...facts, needsAttention: items, needsAttentionTotal };
};

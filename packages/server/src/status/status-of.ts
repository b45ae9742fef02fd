import { type ResultOf, type Routes, version } from "@tenantctl/contract";
import type { Scope } from "@tenantctl/database";
import type { App } from "../app.ts";
import { checklists } from "../checks/checklist-state.ts";
import { healthOf } from "../health/health-of.ts";
import {
  deliveries,
  disk,
  errors,
  failedOperations,
  incidents,
  jobs,
  maintenance,
  sealing,
  totals,
  worstAlerts,
} from "./current-facts.ts";
import { needsAttention } from "./needs-attention.ts";
import { scannedFacts } from "./scanned-facts.ts";

type Status = ResultOf<Routes["status.get"]>;

const alone = <T>(rows: readonly T[]): T => {
  const [row] = rows;
  if (row === undefined) throw new Error("totals without a group are one row");
  return row;
};

/** The whole system in two round trips. The scope's entry check comes first: facts that are kept are for operators alone. */
export const statusOf = async (app: App, scope: Scope): Promise<Status> => {
  const [health, [counted, alerts, failed, work, disks, seals, groups, sent, lists, refused, emergencies]] =
    await Promise.all([
      healthOf(app),
      scope.batch([
        totals,
        worstAlerts,
        failedOperations,
        jobs,
        disk,
        sealing,
        errors,
        deliveries,
        checklists,
        maintenance,
        incidents,
      ]),
    ]);
  const { at, rules, running, failed: operationsFailed, alerts: alertsTotal, ...alertsUnattended } = alone(counted);
  const facts = {
    at,
    health,
    version,
    jobs: alone(work),
    disk: disks[0] ?? null,
    auditSealing: seals[0] ?? { waiting: 0, lagSeconds: 0 },
    ...(await scannedFacts(app.db, scope)),
    alerts,
    alertsTotal,
    alertsUnattended,
    errors: alone(groups),
    deliveries: alone(sent),
    checklists: lists,
    maintenance: alone(refused),
    incidents: alone(emergencies),
    operationsRunning: running,
    operationsFailed,
  };
  return { ...facts, ...needsAttention({ ...facts, rules, failedOperations: failed }) };
};

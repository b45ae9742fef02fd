import { ContractError, type ResultOf, type Routes, version } from "@tenantctl/contract";
import { build, SYSTEM_TENANT_ID, sql } from "@tenantctl/database";
import { alertColumns } from "../alerts/alert-row.ts";
import { Answer } from "../answer.ts";
import type { App } from "../app.ts";
import { systemFacts } from "../backups/read-facts.ts";
import type { Handlers } from "../call.ts";
import { nearLimit } from "../quotas/near-limit.ts";
import { probeDatabase } from "./database-probe.ts";

type Health = ResultOf<Routes["health.get"]>;
type Status = ResultOf<Routes["status.get"]>;

const healthOf = async (app: App): Promise<Health> => {
  const { reachable, latencyMs, migrations } = await probeDatabase(app.db);
  return {
    status: !reachable ? "down" : migrations === "current" ? "ok" : "degraded",
    database: { reachable, latencyMs },
    migrations,
    uptimeSeconds: Math.floor((Date.now() - app.startedAt) / 1000),
  };
};

const tenantsByStatus = sql<{ status: string; tenants: number }>`select status, count(*) as tenants from app.tenants
  where id <> ${SYSTEM_TENANT_ID}::uuid group by status`.compile(build);

const newestAlerts = sql<Status["alerts"][number]>`select ${alertColumns} from app.alerts where status <> 'resolved'
  order by opened_at desc, id desc limit 10`.compile(build);

const counts = sql<{ alerts: number; operations: number }>`select
  (select count(*) from app.alerts where status <> 'resolved') as alerts,
  (select count(*) from app.operations where status in ('queued', 'running')) as operations`.compile(build);

export const healthHandlers: Handlers<"health.get" | "health.live" | "health.ready" | "status.get"> = {
  "health.get": async ({ app }) => {
    const health = await healthOf(app);
    return new Answer(health.status === "ok" ? 200 : 503, health);
  },

  "health.live": async () => ({ status: "ok" }),

  "health.ready": async ({ app }) => {
    if (app.draining) {
      throw new ContractError("draining", "This server is stopping.", "Send requests to another one.", {
        retryAfter: 1,
      });
    }
    const { reachable } = await probeDatabase(app.db);
    if (reachable) return { status: "ready" };
    throw new ContractError(
      "database_unavailable",
      "The database does not answer.",
      "Check that PostgreSQL is running and takes connections.",
      { retryAfter: 2 },
    );
  },

  "status.get": async ({ app, scope }) => {
    const [health, [tenants, near, alerts, [totals], [backups]]] = await Promise.all([
      healthOf(app),
      scope.batch([tenantsByStatus, nearLimit(10), newestAlerts, counts, systemFacts]),
    ]);
    if (backups === undefined) throw new Error("totals without a group are one row");
    return {
      health,
      version,
      tenants: Object.fromEntries(tenants.map((row) => [row.status, row.tenants])),
      quotasNearLimit: near.map(({ total: _, ...quota }) => quota),
      quotasNearLimitTotal: near[0]?.total ?? 0,
      alerts,
      alertsTotal: totals?.alerts ?? 0,
      operationsRunning: totals?.operations ?? 0,
      backups,
    };
  },
};

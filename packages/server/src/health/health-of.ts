import type { ResultOf, Routes } from "@tenantctl/contract";
import type { App } from "../app.ts";
import { probeDatabase } from "./database-probe.ts";

/** How this process and its database are. */
export const healthOf = async (app: App): Promise<ResultOf<Routes["health.get"]>> => {
  const { reachable, latencyMs, migrations } = await probeDatabase(app.db);
  return {
    status: !reachable ? "down" : migrations === "current" ? "ok" : "degraded",
    database: { reachable, latencyMs },
    migrations,
    uptimeSeconds: Math.floor((Date.now() - app.startedAt) / 1000),
  };
};

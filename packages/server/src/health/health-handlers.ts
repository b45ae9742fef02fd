import { ContractError } from "@tenantctl/contract";
import { Answer } from "../answer.ts";
import type { Handlers } from "../call.ts";
import { statusOf } from "../status/status-of.ts";
import { probeDatabase } from "./database-probe.ts";
import { healthOf } from "./health-of.ts";

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

  "status.get": ({ app, scope }) => statusOf(app, scope),
};

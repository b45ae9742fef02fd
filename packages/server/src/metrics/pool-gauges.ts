import type { Database } from "@tenantctl/database";
import { Gauge, type Registry } from "prom-client";

/** Connections of this process's pools, as they are at the moment of asking. */
export const watchPools = (registry: Registry, db: Database): void => {
  const registers = [registry];
  const connections: Gauge = new Gauge({
    name: "tenantctl_database_pool_connections",
    help: "Open connections of this process, by pool; the most it may open is state max",
    labelNames: ["pool", "state"],
    registers,
    collect: () => {
      for (const [pool, { total, idle, max }] of Object.entries(db.connections)) {
        connections.set({ pool, state: "in_use" }, total - idle);
        connections.set({ pool, state: "idle" }, idle);
        connections.set({ pool, state: "max" }, max);
      }
    },
  });
  const waiting: Gauge = new Gauge({
    name: "tenantctl_database_pool_waiting",
    help: "Requests that wait for a connection of the pool",
    labelNames: ["pool"],
    registers,
    collect: () => {
      for (const [pool, counts] of Object.entries(db.connections)) waiting.set({ pool }, counts.waiting);
    },
  });
};

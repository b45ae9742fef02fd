import { Counter, Gauge, type Registry } from "prom-client";
import type { SharedCounters } from "../quotas/shared-counters.ts";

/** Whether this process shares its rate limits, as it is at the moment of asking. */
export const watchRedis = (registry: Registry, shared: SharedCounters): void => {
  const registers = [registry];
  const up: Gauge = new Gauge({
    name: "tenantctl_redis_up",
    help: "1 while Redis answers this process; 0: it counts its rate limits alone",
    registers,
    collect: () => up.set(shared.awayMs === 0 ? 1 : 0),
  });
  let told = 0;
  const alone: Counter = new Counter({
    name: "tenantctl_rate_limits_counted_alone_total",
    help: "Requests whose rate limits this process counted alone, since Redis did not answer",
    registers,
    collect: () => {
      alone.inc(shared.countedAlone - told);
      told = shared.countedAlone;
    },
  });
};

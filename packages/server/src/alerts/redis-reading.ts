import type { RateLimits } from "../quotas/rate-limits.ts";
import type { HostReading } from "./host-readings.ts";

const metric = "redis_away";

/** For how long this process has been counting its rate limits alone, though it should share them. */
export const redisReading = ({ shared }: Pick<RateLimits, "shared">): HostReading =>
  shared === undefined
    ? { metric, subject: "", value: null, problem: "REDIS_URL is not set: nothing is shared by Redis", evidence: {} }
    : { metric, subject: shared.place, value: Math.floor(shared.awayMs / 1000), problem: null, evidence: {} };

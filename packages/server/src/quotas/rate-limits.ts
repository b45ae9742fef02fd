import rateLimit, { type CreateRateLimitOptions, normalizeIP } from "@fastify/rate-limit";
import { ContractError } from "@tenantctl/contract";
import type { Database } from "@tenantctl/database";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { ReportFailure } from "../background-work.ts";
import type { Principal } from "../principal.ts";
import type { Settings } from "../settings.ts";
import { createDailyRequests } from "./daily-requests.ts";
import { type Count, type SharedCounters, shareCounters } from "./shared-counters.ts";

export interface RateLimits {
  /** Counts an authenticated request. Throws rate_limited or daily_quota_exceeded. */
  admit(request: FastifyRequest, reply: FastifyReply): Promise<void>;
  /** Counts a request that shows no credentials, such as a login. Throws rate_limited. */
  admitAddress(request: FastifyRequest, reply: FastifyReply): Promise<void>;
  /** Called with the answer. False: the credentials have not been found to hold, so nothing counts as their tenant's. */
  settle(request: FastifyRequest, reply: FastifyReply): boolean;
  /** Writes what was counted. */
  flush(): Promise<void>;
  /** Where processes count together; undefined where each counts for itself. */
  readonly shared: SharedCounters | undefined;
  close(): Promise<void>;
}

const minuteMs = 60_000;
/** Counters of each kind kept in memory; beyond it the one that was not used for longest starts anew. */
const mostKeys = 50_000;
const mostTokens = 20_000;

type Token = Extract<Principal, { kind: "tenantToken" | "operatorToken" }>;
const isToken = (principal: Principal): principal is Token =>
  principal.kind === "tenantToken" || principal.kind === "operatorToken";

/** Hashes of tokens that a handler has been entered with: until then anybody could have made one up. */
const createProvenTokens = () => {
  const proven = new Set<string>();
  const key = ({ hash }: Token): string => hash.toString("base64");
  return {
    has: (token: Token): boolean => proven.has(key(token)),
    keep: (token: Token): void => {
      const name = key(token);
      proven.delete(name);
      proven.add(name);
      const [oldest] = proven;
      if (proven.size > mostTokens && oldest !== undefined) proven.delete(oldest);
    },
    drop: (token: Token): void => {
      proven.delete(key(token));
    },
  };
};

const secondsToMidnight = (): number => Math.ceil((86_400_000 - (Date.now() % 86_400_000)) / 1000);

/**
 * Limits per tenant, per user or token (half the tenant's) and, for what shows no proven credentials, per address: in
 * windows of a minute, in Redis where the settings name one, else (and while it does not answer) in memory, each process
 * by itself. Operators' requests are not limited.
 */
export const createRateLimits = async (
  fastify: FastifyInstance,
  db: Database,
  settings: Settings,
  report?: ReportFailure,
): Promise<RateLimits> => {
  await fastify.register(rateLimit, { global: false });
  fastify.decorateRequest("countedFor", null);
  const daily = createDailyRequests(db, fastify.log, report);
  const proven = createProvenTokens();
  const limitOf = (tenantId: string): number => daily.of(tenantId).requestsPerMinute ?? settings.requestsPerMinute;

  const shared =
    settings.redisUrl === undefined
      ? undefined
      : await shareCounters(settings.redisUrl, minuteMs, db, fastify.log, report);

  const tenantOf = ({ principal }: FastifyRequest): string =>
    principal.kind === "user" || principal.kind === "tenantToken" ? principal.tenantId : "";
  const callerOf = ({ principal }: FastifyRequest): string => {
    if (principal.kind === "user") return `${principal.tenantId} ${principal.userId}`;
    return isToken(principal) ? principal.hash.toString("base64") : "";
  };
  const limit = (
    kind: string,
    whose: (request: FastifyRequest) => string,
    keyOf: (request: FastifyRequest) => string,
    maxOf: (request: FastifyRequest) => number,
  ) => {
    const own: CreateRateLimitOptions = { keyGenerator: keyOf, max: maxOf, timeWindow: minuteMs };
    const counter = (request: FastifyRequest) => ({ key: `${kind}:${keyOf(request)}`, max: maxOf(request) });
    return { whose, counter, alone: fastify.createRateLimit({ ...own, cache: mostKeys } as CreateRateLimitOptions) };
  };
  type Limit = ReturnType<typeof limit>;
  const perAddress = limit(
    "address",
    () => "One address without proven credentials",
    ({ ip }) => normalizeIP(ip),
    () => settings.unprovenRequestsPerMinute,
  );
  const perCaller = limit(
    "caller",
    ({ principal }) => (principal.kind === "user" ? "One user" : "One token"),
    callerOf,
    (request) => Math.max(1, Math.ceil(limitOf(tenantOf(request)) / 2)),
  );
  const perTenant = limit(
    "tenant",
    () => "This tenant",
    tenantOf,
    (request) => limitOf(tenantOf(request)),
  );

  interface State extends Count {
    readonly max: number;
  }

  /** Counts alone in any case, so that where Redis goes away no limit starts anew. */
  const countAlone = async (limits: readonly Limit[], request: FastifyRequest): Promise<State[]> => {
    const states: State[] = [];
    for (const { alone } of limits) {
      const state = await alone(request);
      if (state.isAllowed) continue;
      const { max, ttl, isExceeded, remaining } = state;
      states.push({ current: isExceeded ? max + 1 : max - remaining, max, ttl });
      if (isExceeded) break;
    }
    return states;
  };
  const countTogether = async (limits: readonly Limit[], request: FastifyRequest): Promise<State[] | undefined> => {
    if (shared === undefined) return undefined;
    const counters = limits.map(({ counter }) => counter(request));
    const counts = await shared.take(counters);
    return counts?.map((count, index) => ({ ...count, max: counters[index]?.max ?? 0 }));
  };

  /** What is over one limit does not count in those after it. */
  const refuseOver = async (limits: readonly Limit[], request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    const alone = await countAlone(limits, request);
    const states = (await countTogether(limits, request)) ?? alone;
    for (const [index, { current, max, ttl }] of states.entries()) {
      const seconds = Math.ceil(ttl / 1000);
      reply.headers({
        "ratelimit-limit": String(max),
        "ratelimit-remaining": String(Math.max(0, max - current)),
        "ratelimit-reset": String(seconds),
      });
      if (current <= max) continue;
      throw new ContractError(
        "rate_limited",
        `${limits[index]?.whose(request)} may send ${max} requests a minute.`,
        "Wait as long as Retry-After says, and send fewer at once.",
        { retryAfter: Math.max(1, seconds) },
      );
    }
  };

  const admitAddress: RateLimits["admitAddress"] = (request, reply) => refuseOver([perAddress], request, reply);

  return {
    admitAddress,
    admit: async (request, reply) => {
      const { principal } = request;
      if (isToken(principal) && !proven.has(principal)) return admitAddress(request, reply);
      if (principal.kind !== "user" && principal.kind !== "tenantToken") return;
      const { tenantId } = principal;
      await refuseOver([perCaller, perTenant], request, reply);
      const { used, limit } = daily.of(tenantId);
      if (limit !== null && used >= limit) {
        daily.ask(tenantId);
        throw new ContractError(
          "daily_quota_exceeded",
          `The ${limit} API requests that this tenant may send a day are used up.`,
          "Upgrade the plan, have an operator increase the quota, or wait until midnight UTC.",
          { retryAfter: secondsToMidnight() },
        );
      }
      daily.add(tenantId, 1);
      request.countedFor = tenantId;
    },
    settle: (request, reply) => {
      const principal: Principal | undefined = request.principal;
      if (principal === undefined || principal.kind === "anonymous") return false;
      const refused = reply.statusCode === 401;
      if (refused && request.countedFor !== null) daily.add(request.countedFor, -1);
      if (!isToken(principal)) return !refused;
      if (refused) proven.drop(principal);
      else if (reply.statusCode < 400) proven.keep(principal);
      return proven.has(principal);
    },
    flush: daily.flush,
    shared,
    close: async () => {
      shared?.close();
      await daily.close();
    },
  };
};

declare module "fastify" {
  interface FastifyRequest {
    /** The tenant whose daily requests this one was counted among. */
    countedFor: string | null;
  }
}

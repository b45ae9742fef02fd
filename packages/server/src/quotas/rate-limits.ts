import rateLimit, { type CreateRateLimitOptions } from "@fastify/rate-limit";
import { ContractError } from "@tenantctl/contract";
import type { Database } from "@tenantctl/database";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { ReportFailure } from "../background-work.ts";
import type { Principal } from "../principal.ts";
import type { Settings } from "../settings.ts";
import { createDailyRequests } from "./daily-requests.ts";

export interface RateLimits {
  /** Counts an authenticated request. Throws rate_limited or daily_quota_exceeded. */
  admit(request: FastifyRequest, reply: FastifyReply): Promise<void>;
  /** Counts a request that shows no credentials, such as a login. Throws rate_limited. */
  admitAddress(request: FastifyRequest, reply: FastifyReply): Promise<void>;
  /** Called with the answer. False: the credentials have not been found to hold, so nothing counts as their tenant's. */
  settle(request: FastifyRequest, reply: FastifyReply): boolean;
  /** Writes what was counted. */
  flush(): Promise<void>;
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
 * windows of a minute, in memory, each process by itself. Operators' requests are not limited.
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

  const limiter = (options: CreateRateLimitOptions) =>
    fastify.createRateLimit({ ...options, timeWindow: minuteMs, cache: mostKeys } as CreateRateLimitOptions);
  const tenantOf = ({ principal }: FastifyRequest): string =>
    principal.kind === "user" || principal.kind === "tenantToken" ? principal.tenantId : "";
  const perAddress = limiter({ max: settings.unprovenRequestsPerMinute });
  const perTenant = limiter({ keyGenerator: tenantOf, max: (request) => limitOf(tenantOf(request)) });
  const perCaller = limiter({
    keyGenerator: ({ principal }) => {
      if (principal.kind === "user") return `${principal.tenantId} ${principal.userId}`;
      return isToken(principal) ? principal.hash.toString("base64") : "";
    },
    max: (request) => Math.max(1, Math.ceil(limitOf(tenantOf(request)) / 2)),
  });

  const refuseOver = async (
    limit: ReturnType<typeof limiter>,
    whose: string,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<void> => {
    const state = await limit(request);
    if (state.isAllowed) return;
    reply.headers({
      "ratelimit-limit": String(state.max),
      "ratelimit-remaining": String(state.remaining),
      "ratelimit-reset": String(state.ttlInSeconds),
    });
    if (!state.isExceeded) return;
    throw new ContractError(
      "rate_limited",
      `${whose} may send ${state.max} requests a minute.`,
      "Wait as long as Retry-After says, and send fewer at once.",
      { retryAfter: Math.max(1, state.ttlInSeconds) },
    );
  };

  const admitAddress: RateLimits["admitAddress"] = (request, reply) =>
    refuseOver(perAddress, "One address without proven credentials", request, reply);

  return {
    admitAddress,
    admit: async (request, reply) => {
      const { principal } = request;
      if (isToken(principal) && !proven.has(principal)) return admitAddress(request, reply);
      if (principal.kind !== "user" && principal.kind !== "tenantToken") return;
      const { tenantId } = principal;
      await refuseOver(perCaller, principal.kind === "user" ? "One user" : "One token", request, reply);
      await refuseOver(perTenant, "This tenant", request, reply);
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
    close: daily.close,
  };
};

declare module "fastify" {
  interface FastifyRequest {
    /** The tenant whose daily requests this one was counted among. */
    countedFor: string | null;
  }
}

import { ContractError, withoutStack } from "@tenantctl/contract";
import type { Database } from "@tenantctl/database";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { networkOf } from "../auth/network.ts";
import type { ReportFailure } from "../background-work.ts";
import type { Principal } from "../principal.ts";
import type { Settings } from "../settings.ts";
import { createDailyRequests } from "./daily-requests.ts";
import { createHoldBack } from "./hold-back.ts";
import { createRequestWindows } from "./request-windows.ts";
import { type SharedCounters, shareCounters } from "./shared-counters.ts";

export interface RateLimits {
  /** Counts an authenticated request; a promise only where there is something to wait for. Throws rate_limited or daily_quota_exceeded. */
  admit(request: FastifyRequest, reply: FastifyReply): void | Promise<void>;
  /** Counts a request that shows no credentials, such as a login; likewise. Throws rate_limited. */
  admitAddress(request: FastifyRequest, reply: FastifyReply): void | Promise<void>;
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
  fastify.decorateRequest("countedFor", null);
  const daily = createDailyRequests(db, fastify.log, report);
  const proven = createProvenTokens();
  const holdBack = createHoldBack();
  const windows = {
    address: createRequestWindows(minuteMs, mostKeys),
    caller: createRequestWindows(minuteMs, mostKeys),
    tenant: createRequestWindows(minuteMs, mostKeys),
  };
  const shared =
    settings.redisUrl === undefined
      ? undefined
      : await shareCounters(settings.redisUrl, minuteMs, db, fastify.log, report);

  /** What one request counts in. */
  interface Limit {
    readonly kind: keyof typeof windows;
    readonly whose: string;
    readonly key: string;
    readonly max: number;
  }

  /** Tells where the caller stands with a limit, and refuses what is over it. */
  const tell = (limit: Limit | undefined, current: number, ttl: number, reply: FastifyReply): void | Promise<void> => {
    if (limit === undefined) return;
    const { whose, max } = limit;
    const seconds = Math.ceil(ttl / 1000);
    reply.headers({
      "ratelimit-limit": String(max),
      "ratelimit-remaining": String(Math.max(0, max - current)),
      "ratelimit-reset": String(seconds),
    });
    if (current <= max) return;
    const refusal = withoutStack(
      () =>
        new ContractError(
          "rate_limited",
          `${whose} may send ${max} requests a minute.`,
          "Wait as long as Retry-After says, and send fewer at once.",
          { retryAfter: Math.max(1, seconds) },
        ),
    );
    const wait = holdBack.wait(current - max);
    if (wait === undefined) throw refusal;
    return wait.then(() => {
      throw refusal;
    });
  };

  /** What is over one limit does not count in those after it. */
  const refuseOver = (limits: readonly Limit[], reply: FastifyReply): void | Promise<void> => {
    // Counted alone in any case, so that where Redis goes away no limit starts anew.
    let last: Limit | undefined;
    let current = 0;
    let ttl = 0;
    for (const limit of limits) {
      const { count, endsAt } = windows[limit.kind].count(limit.key);
      [last, current, ttl] = [limit, count, endsAt - performance.now()];
      if (count > limit.max) break;
    }
    if (shared === undefined) return tell(last, current, ttl, reply);
    return shared.take(limits.map(({ kind, key, max }) => ({ key: `${kind}:${key}`, max }))).then((counts) => {
      const count = counts?.at(-1);
      return count === undefined
        ? tell(last, current, ttl, reply)
        : tell(limits[(counts?.length ?? 0) - 1], count.current, count.ttl, reply);
    });
  };

  const addToDay = (request: FastifyRequest, tenantId: string): void => {
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
  };

  const admitAddress: RateLimits["admitAddress"] = ({ ip }, reply) =>
    refuseOver(
      [
        {
          kind: "address",
          whose: "One address without proven credentials",
          key: networkOf(ip),
          max: settings.unprovenRequestsPerMinute,
        },
      ],
      reply,
    );

  return {
    admitAddress,
    admit: (request, reply) => {
      const { principal } = request;
      if (isToken(principal) && !proven.has(principal)) return admitAddress(request, reply);
      if (principal.kind !== "user" && principal.kind !== "tenantToken") return;
      const { tenantId } = principal;
      const max = daily.of(tenantId).requestsPerMinute ?? settings.requestsPerMinute;
      const [whose, key] =
        principal.kind === "user"
          ? ["One user", `${tenantId} ${principal.userId}`]
          : ["One token", principal.hash.toString("base64")];
      const waiting = refuseOver(
        [
          { kind: "caller", whose, key, max: Math.max(1, Math.ceil(max / 2)) },
          { kind: "tenant", whose: "This tenant", key: tenantId, max },
        ],
        reply,
      );
      if (waiting === undefined) addToDay(request, tenantId);
      else return waiting.then(() => addToDay(request, tenantId));
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

import { getHeapStatistics } from "node:v8";
import underPressure from "@fastify/under-pressure";
import { ContractError, type RouteShape, routes, withoutStack } from "@tenantctl/contract";
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { App } from "./app.ts";
import { createLeanHeap } from "./lean-heap.ts";
import { createHoldBack } from "./quotas/hold-back.ts";
import { routeIdOf } from "./route-of.ts";

/** The event loop's delay is averaged over some seconds, since one long pause is over when it is seen. */
const sampleMs = 3000;
/** A process that has just started was busy with that. */
const graceMs = 10_000;
const retryAfterSeconds = 2;
/** Requests under way at once, streamed documents and uploads included: what waits anywhere waits in here. */
const mostUnderWay = 2000;
/** Refusals are told in the log once in so long, not one by one. */
const sayEveryMs = 1000;

/**
 * Turns requests away (503 overloaded) while the process is at its limit, so that those under way get done. Health
 * checks are always answered. Once draining, every answer ends its connection.
 */
export const useOverloadProtection = (fastify: FastifyInstance, app: App): void => {
  let underWay = 0;
  let refused = 0;
  let sayAt = 0;

  /** Health is answered whatever happens. */
  const isHealth = (request: FastifyRequest): boolean => {
    const id = routeIdOf(request);
    const route: RouteShape | undefined = id === undefined ? undefined : routes[id];
    return route?.unlimited === true && route.access.kind === "public";
  };
  const turnAway = (request: FastifyRequest, why: object): never => {
    refused += 1;
    const now = performance.now();
    if (now >= sayAt) {
      request.log.warn({ ...why, refused }, "overloaded");
      refused = 0;
      sayAt = now + sayEveryMs;
    }
    throw withoutStack(
      () =>
        new ContractError("overloaded", "This server is at its limit.", "Send the request again in a moment.", {
          retryAfter: retryAfterSeconds,
        }),
    );
  };

  fastify.addHook("onRequest", (request, reply, done) => {
    underWay += 1;
    // Whether it was answered or broken off.
    reply.raw.once("close", () => {
      underWay -= 1;
    });
    if (underWay > mostUnderWay && !isHealth(request)) turnAway(request, { underWay });
    done();
  });
  fastify.register(underPressure, {
    maxEventLoopDelay: app.settings.overloadDelayMs,
    sampleInterval: sampleMs,
    maxHeapUsedBytes: Math.floor(getHeapStatistics().heap_size_limit * 0.9),
    pressureHandler: async (request, _reply, type, value) => {
      if (isHealth(request) || Date.now() - app.startedAt < graceMs) return;
      turnAway(request, { type, value });
    },
  });
  const holdBack = createHoldBack();
  const keepHeapLean = createLeanHeap();
  let second = 0;
  let unserved = 0;
  /** Whoever is turned away and comes again at once would take the time of those who are served. */
  const heldBack = (request: FastifyRequest): Promise<void> | undefined => {
    const now = Math.floor(performance.now() / 1000);
    if (now !== second) unserved = 0;
    second = now;
    unserved += 1;
    const waiting = isHealth(request) || request.raw.socket.destroyed ? undefined : holdBack.wait(unserved);
    if (waiting !== undefined) keepHeapLean();
    return waiting;
  };
  fastify.addHook("onSend", (request, reply, _payload, done) => {
    if (app.draining) reply.header("connection", "close");
    const waiting = reply.statusCode === 503 && !app.draining ? heldBack(request) : undefined;
    if (waiting === undefined) done();
    else void waiting.then(() => done());
  });
};

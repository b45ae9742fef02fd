import { getHeapStatistics } from "node:v8";
import underPressure from "@fastify/under-pressure";
import { ContractError, type RouteShape, routes } from "@tenantctl/contract";
import type { FastifyInstance } from "fastify";
import type { App } from "./app.ts";

/** The event loop's delay is averaged over some seconds, since one long pause is over when it is seen. */
const sampleMs = 3000;
/** A process that has just started was busy with that. */
const graceMs = 10_000;
const retryAfterSeconds = 2;

/**
 * Turns requests away (503 overloaded) while the process is at its limit, so that those under way get done. Health
 * checks are always answered. Once draining, every answer ends its connection.
 */
export const useOverloadProtection = (fastify: FastifyInstance, app: App): void => {
  fastify.register(underPressure, {
    maxEventLoopDelay: app.settings.overloadDelayMs,
    sampleInterval: sampleMs,
    maxHeapUsedBytes: Math.floor(getHeapStatistics().heap_size_limit * 0.9),
    pressureHandler: async (request, _reply, type, value) => {
      const id = request.routeOptions.config.routeId;
      const route: RouteShape | undefined = id === undefined ? undefined : routes[id];
      if (route?.unlimited === true && route.access.kind === "public") return;
      if (Date.now() - app.startedAt < graceMs) return;
      request.log.warn({ type, value }, "overloaded");
      throw new ContractError("overloaded", "This server is at its limit.", "Send the request again in a moment.", {
        retryAfter: retryAfterSeconds,
      });
    },
  });
  fastify.addHook("onSend", async (_request, reply) => {
    if (app.draining) reply.header("connection", "close");
  });
};

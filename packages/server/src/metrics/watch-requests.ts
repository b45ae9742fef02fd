import type { FastifyInstance } from "fastify";
import type { Metrics } from "./registry.ts";

/**
 * Knows of every request from its arrival to the end of its answer. To be called before anything else hooks in: what is
 * turned away at the door was under way too.
 */
export const watchRequests = (fastify: FastifyInstance, metrics: Metrics | undefined): void => {
  fastify.decorateRequest("sentBefore", null);
  if (metrics === undefined) return;
  // A request that can't even be routed is answered without arriving.
  const arrived = new WeakSet<object>();
  fastify.addHook("onRequest", async (request) => {
    arrived.add(request);
    metrics.begin();
  });
  fastify.addHook("onResponse", async (request) => {
    if (arrived.delete(request)) metrics.end();
  });
};

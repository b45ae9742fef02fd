import type { FastifyInstance } from "fastify";
import type { Metrics } from "./registry.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** It arrived, and its answer is not over. One that can't even be routed is answered without arriving. */
    isUnderWay: boolean;
  }
}

/**
 * Knows of every request from its arrival to the end of its answer. To be called before anything else hooks in: what is
 * turned away at the door was under way too.
 */
export const watchRequests = (fastify: FastifyInstance, metrics: Metrics | undefined): void => {
  fastify.decorateRequest("sentBefore", null);
  if (metrics === undefined) return;
  fastify.decorateRequest("isUnderWay", false);
  fastify.addHook("onRequest", (request, _reply, done) => {
    request.isUnderWay = true;
    metrics.begin();
    done();
  });
  fastify.addHook("onResponse", (request, _reply, done) => {
    if (request.isUnderWay) metrics.end();
    request.isUnderWay = false;
    done();
  });
};

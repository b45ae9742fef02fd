import { type RouteId, type RouteShape, routes } from "@tenantctl/contract";
import type { FastifyRequest } from "fastify";

declare module "fastify" {
  interface FastifyRequest {
    /** The contract's route, once its own hooks run: Fastify composes what it knows of a route anew each time it is asked. */
    routeId: RouteId | null;
  }
  interface FastifyContextConfig {
    routeId?: RouteId;
  }
}

/** The contract's route that a request is for; undefined for paths that are none. */
export const routeIdOf = (request: FastifyRequest): RouteId | undefined =>
  request.routeId ?? request.routeOptions.config.routeId;

/** Its path, with parameters by name; undefined where nothing is at that path. */
export const routePathOf = (request: FastifyRequest): string | undefined => {
  if (request.routeId === null) return request.routeOptions.url;
  const shape: RouteShape = routes[request.routeId];
  return shape.path;
};

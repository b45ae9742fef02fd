import { ContractError, type RouteShape, routes } from "@tenantctl/contract";
import type { FastifyInstance } from "fastify";

const shapes: readonly RouteShape[] = Object.values(routes);
const patterns = [...new Set(shapes.map(({ path }) => path))].map((path) => ({
  pattern: new RegExp(`^${path.replace(/:[A-Za-z]+/g, "[^/]+")}/?$`),
  methods: shapes
    .filter((shape) => shape.path === path)
    .flatMap(({ method }) => (method === "GET" ? ["GET", "HEAD"] : [method])),
}));

/**
 * Refuses what is no route as soon as its headers are there: its body is not read, which would cost memory, and wait, for
 * anybody. Tells a path that is not there from one that does not take the method.
 */
export const refuseUnknownRoutes = (fastify: FastifyInstance): void => {
  fastify.addHook("onRequest", (request, reply, done) => {
    if (!request.is404) return done();
    const path = request.url.split("?", 1)[0] ?? "";
    const methods = [...new Set(patterns.flatMap((known) => (known.pattern.test(path) ? known.methods : [])))].join(
      ", ",
    );
    if (methods === "") {
      throw new ContractError(
        "route_not_found",
        "There is no such path.",
        "`/docs` lists the routes. An older API lacks newer ones.",
      );
    }
    reply.header("allow", methods);
    throw new ContractError(
      "method_not_allowed",
      `${path} does not take ${request.method}.`,
      `It takes ${methods}: see \`/docs\`. An older API lacks newer routes.`,
    );
  });
};

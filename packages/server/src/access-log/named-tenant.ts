import { type RouteId, type RouteShape, routeIds, routes, TenantRef } from "@tenantctl/contract";
import type { FastifyRequest } from "fastify";

/** Operators' routes that name a tenant in their path. */
const naming: ReadonlySet<RouteId> = new Set(
  routeIds.filter((id) => {
    const shape: RouteShape = routes[id];
    return shape.access.kind === "operator" && shape.params?.properties.id === TenantRef;
  }),
);

const textAt = (from: unknown, name: string): string | undefined => {
  if (typeof from !== "object" || from === null) return undefined;
  const value: unknown = Reflect.get(from, name);
  return typeof value === "string" ? value : undefined;
};

/** The id or slug of the tenant that a request is about; empty where it is about none. */
export const namedTenant = (id: RouteId, request: FastifyRequest): string =>
  request.tenantId ?? (naming.has(id) ? textAt(request.params, "id") : textAt(request.query, "tenantId")) ?? "";

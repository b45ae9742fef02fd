import { type RouteId, type RouteShape, routeIds, routes, TenantRef } from "@tenantctl/contract";
import type { FastifyRequest } from "fastify";

/** Whose data a request is about: the tenant's id, or what an operator has named it by; neither is the system itself. */
export interface NamedTenant {
  readonly tenantId: string | null;
  readonly slug: string | null;
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

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

const nobody: NamedTenant = { tenantId: null, slug: null };

/** Which tenant a request that was answered has been about. */
export const namedTenant = (id: RouteId, request: FastifyRequest): NamedTenant => {
  if (request.tenantId !== null) return { tenantId: request.tenantId, slug: null };
  const reference = naming.has(id) ? textAt(request.params, "id") : textAt(request.query, "tenantId");
  if (reference === undefined) return nobody;
  return uuid.test(reference) ? { tenantId: reference.toLowerCase(), slug: null } : { tenantId: null, slug: reference };
};

import Type from "typebox";
import { operatorAccess } from "../access.ts";
import { route } from "../route.ts";
import { Maintenance, MaintenanceChange, MaintenanceEnd } from "../schemas/maintenance.ts";
import { Closed, Line, TenantQuery, TenantRef } from "../schemas/values.ts";

const tag = "maintenance";

export const maintenanceRoutes = {
  "maintenance.list": route({
    method: "GET",
    path: "/api/admin/maintenance",
    tag,
    summary: "Show what is in maintenance",
    description: "The whole system first, then tenants by name; what has ended is left out.",
    access: operatorAccess("maintenance:read"),
    responses: { 200: Type.Array(Maintenance) },
    example: {},
  }),
  "maintenance.on": route({
    method: "PUT",
    path: "/api/admin/maintenance",
    tag,
    summary: "Put the system or a tenant into maintenance",
    description:
      "From the next request on tenants are answered 503 with Retry-After, or with readOnly only their changes are. Operators go on working. Answers once the changes under way are over. Set again, it takes over the new mode, reason and end.",
    access: operatorAccess("maintenance:write"),
    body: Closed({
      tenantId: Type.Optional({ ...TenantRef, description: "Only this tenant, by id or slug; else the whole system" }),
      readOnly: Type.Optional(Type.Boolean({ description: "Refuse only changes" })),
      reason: Type.Optional(Line("Why; tenants are told", 500)),
      forSeconds: Type.Optional(
        Type.Integer({
          description: "It ends by itself after this long, by the database's clock",
          minimum: 1,
          maximum: 2678400,
        }),
      ),
    }),
    responses: { 200: MaintenanceChange },
    errors: ["tenant_not_found"],
    audit: { action: "set", resourceType: "maintenance" },
    example: { body: { reason: "restoring from backup", forSeconds: 7200 } },
  }),
  "maintenance.off": route({
    method: "DELETE",
    path: "/api/admin/maintenance",
    tag,
    summary: "End the maintenance of the system or a tenant",
    description: "A tenant's own maintenance outlasts the system's.",
    access: operatorAccess("maintenance:write"),
    query: Closed({ tenantId: TenantQuery }),
    responses: { 200: MaintenanceEnd },
    errors: ["tenant_not_found"],
    audit: { action: "end", resourceType: "maintenance" },
    example: {},
  }),
};

import Type from "typebox";
import { operatorAccess } from "../access.ts";
import { route } from "../route.ts";
import { Closed, Line, Slug, TenantRef, Time, Uuid } from "../schemas/values.ts";

const tag = "holds";
const params = Closed({ id: TenantRef });
const example = { params: { id: "company-name" } };

export const Hold = Closed({
  tenantId: Uuid("The tenant"),
  slug: Slug("The tenant, by name"),
  reason: Type.String({ description: "Why" }),
  setBy: Type.String({ description: "Who set it" }),
  setAt: Time("When"),
});

export const holdRoutes = {
  "holds.list": route({
    method: "GET",
    path: "/api/admin/holds",
    tag,
    summary: "List legal holds",
    access: operatorAccess("holds:read"),
    responses: { 200: Type.Array(Hold) },
    example: {},
  }),
  "holds.set": route({
    method: "PUT",
    path: "/api/admin/tenants/:id/hold",
    tag,
    summary: "Put a tenant under a legal hold",
    description:
      "While it stands the tenant is neither purged nor hard deleted, and prune keeps its backups. A hard delete under way stops after its current batch. A purged tenant can be held too, by its id, for its backups.",
    access: operatorAccess("holds:write"),
    params,
    body: Closed({ reason: Line("Why, for the audit log", 500) }),
    responses: { 200: Hold },
    audit: { action: "set_hold", resourceType: "tenant" },
    example: { ...example, body: { reason: "case 2026-11" } },
  }),
  "holds.release": route({
    method: "DELETE",
    path: "/api/admin/tenants/:id/hold",
    tag,
    summary: "Release a tenant from its legal hold",
    access: operatorAccess("holds:write"),
    params,
    responses: { 200: Hold },
    errors: ["not_found"],
    audit: { action: "release_hold", resourceType: "tenant" },
    example,
  }),
};

import Type from "typebox";
import { operatorAccess } from "../access.ts";
import { route } from "../route.ts";
import { Operation, operationStatuses } from "../schemas/tenant.ts";
import { Closed, Cursor, Limit, OneOf, TenantQuery, Uuid } from "../schemas/values.ts";

const tag = "operations";
const params = Closed({ id: Uuid("The operation's id") });
const example = { params: { id: "01890000-0000-7000-8000-000000000006" } };

export const operationRoutes = {
  "operations.list": route({
    method: "GET",
    path: "/api/admin/operations",
    tag,
    summary: "List long-running operations",
    access: operatorAccess("operations:read"),
    query: Closed({
      status: Type.Optional(OneOf(operationStatuses, "Only operations in this status")),
      tenantId: TenantQuery,
      limit: Limit(),
      cursor: Cursor,
    }),
    responses: { 200: Type.Array(Operation) },
    errors: ["invalid_cursor"],
    list: "array",
    example: {},
  }),
  "operations.get": route({
    method: "GET",
    path: "/api/admin/operations/:id",
    tag,
    summary: "Show an operation",
    access: operatorAccess("operations:read"),
    params,
    responses: { 200: Operation },
    errors: ["not_found"],
    example,
  }),
  "operations.cancel": route({
    method: "POST",
    path: "/api/admin/operations/:id/cancel",
    tag,
    summary: "Stop an operation after its current batch",
    description: "What it has removed stays removed; a new hard delete finishes it.",
    access: operatorAccess("operations:write"),
    params,
    responses: { 200: Operation },
    errors: ["not_found", "operation_finished"],
    audit: { action: "cancel", resourceType: "operation" },
    example,
  }),
};

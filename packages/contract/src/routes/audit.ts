import Type from "typebox";
import type { Access } from "../access.ts";
import { route } from "../route.ts";
import { Closed, Cursor, Limit, Line, Nullable, OneOf, TenantQuery, Time, Uuid } from "../schemas/values.ts";

export const auditOutcomes = ["success", "failure", "denied"] as const;

export const AuditRow = Closed({
  id: Uuid("The row's id"),
  tenantId: Nullable(Uuid("Whose; null for rows about no tenant")),
  action: Type.String({ description: "A bare verb: create, login, suspend" }),
  resourceType: Type.String({ description: "Of what, singular: customer, session, tenant" }),
  resourceId: Nullable(Type.String({ description: "Which one" })),
  outcome: OneOf(auditOutcomes, "What came of it"),
  actor: Closed({
    type: OneOf(["user", "operator", "token", "system", "local", "anonymous"], "What kind of actor"),
    id: Nullable(Type.String()),
    name: Nullable(Type.String({ description: "E-mail, token name or job" })),
  }),
  address: Nullable(Type.String({ description: "The network address it came from" })),
  requestId: Nullable(Type.String({ description: "The request, as in the answer's x-request-id" })),
  detail: Nullable(Type.String({ description: "Why, or what was refused" })),
  occurrences: Type.Integer({
    description: "Refusals of one kind within a minute are folded into one row",
    minimum: 1,
  }),
  before: Type.Union([Type.Null(), Type.Record(Type.String(), Type.Unknown())], {
    description: "Fields before; gone with the tenant's data",
  }),
  after: Type.Union([Type.Null(), Type.Record(Type.String(), Type.Unknown())], {
    description: "Fields after; gone with the tenant's data",
  }),
  at: Time("When"),
});

const access: Access = { kind: "tenant", roles: ["tenant_admin"], scope: "audit:read", operatorNeedsTenant: false };

export const auditRoutes = {
  "audit.list": route({
    method: "GET",
    path: "/api/audit-logs",
    tag: "audit",
    summary: "Search the audit log",
    description:
      "Newest first. An operator sees all tenants unless tenantId says which; a tenant_admin sees their own.",
    access,
    query: Closed({
      tenantId: TenantQuery,
      action: Type.Optional(Line("Only this action", 60)),
      resourceType: Type.Optional(Line("Only this kind of resource", 60)),
      resourceId: Type.Optional(Line("Only this resource", 100)),
      outcome: Type.Optional(OneOf(auditOutcomes, "Only this outcome")),
      actor: Type.Optional(Line("Only this actor: id, e-mail or token name", 254)),
      since: Type.Optional(Time("From this time on")),
      until: Type.Optional(Time("Before this time")),
      limit: Limit(),
      cursor: Cursor,
    }),
    responses: { 200: Type.Array(AuditRow) },
    errors: ["invalid_cursor"],
    list: "array",
    example: { query: { action: "create", resourceType: "customer" } },
  }),
};

import Type from "typebox";
import { type Access, operatorAccess } from "../access.ts";
import { accessGroups } from "../access-groups.ts";
import { route } from "../route.ts";
import { Closed, Count, Cursor, Limit, Line, Nullable, OneOf, TenantQuery, Time, Uuid } from "../schemas/values.ts";

const tag = "audit";

export const accessActorTypes = ["user", "operator", "token", "overflow"] as const;

const Actor = Closed({
  type: OneOf(accessActorTypes, "What kind; overflow: more at once than are told apart"),
  id: Nullable(Type.String()),
  name: Nullable(Type.String({ description: "E-mail or token name" })),
});
const tenant = {
  tenantId: Nullable(Uuid("Whose data; null where it was no tenant's")),
  tenantSlug: Nullable(Type.String({ description: "Whose, by name" })),
};

export const AccessRow = Closed({
  at: Time("The minute"),
  ...tenant,
  actor: Actor,
  route: Type.String({ description: "The route's id" }),
  address: Nullable(Type.String({ description: "The network address it came from" })),
  requests: Count("Requests that were answered with a success"),
  firstRequestId: Type.String({ description: "The first of them, as in its answer's x-request-id" }),
  lastRequestId: Type.String({ description: "The last of them" }),
});

export const AccessSummary = Closed({
  key: Type.String({ description: "The actor's id, the address, the route's id or the tenant's id" }),
  name: Nullable(Type.String({ description: "The actor's name, or the tenant's slug" })),
  requests: Count("Requests"),
  actors: Count("Different actors"),
  tenants: Count("Different tenants"),
  addresses: Count("Different addresses"),
  firstAt: Time("The first minute"),
  lastAt: Time("The last minute"),
});

const filters = {
  tenantId: TenantQuery,
  actor: Type.Optional(Line("Only this actor: id, e-mail or token name", 254)),
  route: Type.Optional(Line("Only this route's id", 100)),
  address: Type.Optional(Line("Only this network address", 60)),
  since: Type.Optional(Time("From this time on")),
  until: Type.Optional(Time("Before this time")),
};

const description = [
  "One row per actor, tenant, route, address and minute, newest first: users, tokens and operators,",
  "reads and writes that were answered with a success. Written within two seconds; kept for 90 days.",
].join(" ");

const ofTenant: Access = { kind: "tenant", roles: ["tenant_admin"], scope: "audit:read", operatorNeedsTenant: false };
const responses = { 200: Type.Array(AccessRow) };
const query = Closed({ ...filters, limit: Limit(), cursor: Cursor });

export const accessLogRoutes = {
  "accessLog.list": route({
    method: "GET",
    path: "/api/admin/access-log",
    tag,
    summary: "Show who read and wrote what",
    description,
    access: operatorAccess("audit:read"),
    query,
    responses,
    errors: ["invalid_cursor"],
    list: "array",
    example: { query: { tenantId: "company-name" } },
  }),
  "accessLog.ofTenant": route({
    method: "GET",
    path: "/api/access-log",
    tag,
    summary: "Show who read and wrote a tenant's data",
    description: `${description} A tenant_admin sees their own tenant's, operators included.`,
    access: ofTenant,
    query,
    responses,
    errors: ["invalid_cursor"],
    list: "array",
    example: { query: { tenantId: "company-name" } },
  }),
  "accessLog.summary": route({
    method: "GET",
    path: "/api/access-log/summary",
    tag,
    summary: "Sum up who read and wrote what",
    description:
      "By actor, address, route or tenant: the 1,000 with the most requests. Of a tenant_admin: their own tenant's.",
    access: ofTenant,
    query: Closed({
      by: Type.Optional(OneOf(accessGroups, "What to sum up by; actor unless said")),
      ...filters,
    }),
    responses: { 200: Type.Array(AccessSummary) },
    example: { query: { tenantId: "company-name", by: "address" } },
  }),
};

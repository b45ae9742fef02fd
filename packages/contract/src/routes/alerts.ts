import Type from "typebox";
import { operatorAccess } from "../access.ts";
import { route } from "../route.ts";
import { Alert, alertStatuses } from "../schemas/alert.ts";
import { Closed, Cursor, Limit, Line, OneOf, TenantQuery, Uuid } from "../schemas/values.ts";

const tag = "alerts";
const params = Closed({ id: Uuid("The alert's id") });
const example = { params: { id: "01890000-0000-7000-8000-000000000005" } };

export const alertRoutes = {
  "alerts.list": route({
    method: "GET",
    path: "/api/admin/alerts",
    tag,
    summary: "List alerts",
    description: "Unresolved ones unless `status` says otherwise, newest first.",
    access: operatorAccess("alerts:read"),
    query: Closed({
      status: Type.Optional(OneOf([...alertStatuses, "all"], "Only alerts in this status")),
      tenantId: TenantQuery,
      limit: Limit(),
      cursor: Cursor,
    }),
    responses: { 200: Type.Array(Alert) },
    errors: ["invalid_cursor"],
    list: "array",
    example: { query: { status: "open" } },
  }),
  "alerts.acknowledge": route({
    method: "POST",
    path: "/api/admin/alerts/:id/acknowledge",
    tag,
    summary: "Take an alert",
    access: operatorAccess("alerts:write"),
    params,
    body: Closed({ note: Type.Optional(Line("What you are doing about it", 500)) }),
    responses: { 200: Alert },
    errors: ["not_found", "alert_resolved"],
    audit: { action: "acknowledge", resourceType: "alert" },
    example: { ...example, body: { note: "looking" } },
  }),
  "alerts.resolve": route({
    method: "POST",
    path: "/api/admin/alerts/:id/resolve",
    tag,
    summary: "Close an alert",
    description: "It opens again when its rule still finds it.",
    access: operatorAccess("alerts:write"),
    params,
    body: Closed({ note: Type.Optional(Line("What was done", 500)) }),
    responses: { 200: Alert },
    errors: ["not_found"],
    audit: { action: "resolve", resourceType: "alert" },
    example: { ...example, body: { note: "plan upgraded" } },
  }),
};

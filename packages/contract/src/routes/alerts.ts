import Type from "typebox";
import { operatorAccess } from "../access.ts";
import { route } from "../route.ts";
import { Alert, AlertChange, alertStatuses, NewSilence, RuleName, Silence } from "../schemas/alert.ts";
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
      rule: Type.Optional(RuleName),
      tenantId: TenantQuery,
      limit: Limit(),
      cursor: Cursor,
    }),
    responses: { 200: Type.Array(Alert) },
    errors: ["invalid_cursor"],
    list: "array",
    example: { query: { status: "open" } },
  }),
  "alerts.get": route({
    method: "GET",
    path: "/api/admin/alerts/:id",
    tag,
    summary: "Show an alert with its evidence and the next step",
    access: operatorAccess("alerts:read"),
    params,
    responses: { 200: Alert },
    errors: ["not_found"],
    example,
  }),
  "alerts.acknowledge": route({
    method: "POST",
    path: "/api/admin/alerts/:id/acknowledge",
    tag,
    summary: "Take an alert",
    description: "Of two who take it at once the first has it; the other's answer says who, with `changed: false`.",
    access: operatorAccess("alerts:write"),
    params,
    body: Closed({ note: Type.Optional(Line("What you are doing about it", 500)) }),
    responses: { 200: AlertChange },
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
    responses: { 200: AlertChange },
    errors: ["not_found"],
    audit: { action: "resolve", resourceType: "alert" },
    example: { ...example, body: { note: "plan upgraded" } },
  }),
  "silences.list": route({
    method: "GET",
    path: "/api/admin/alert-silences",
    tag,
    summary: "List silences",
    description: "Those that stand, unless `status` says otherwise, newest first.",
    access: operatorAccess("alerts:read"),
    query: Closed({
      status: Type.Optional(OneOf(["active", "all"], "all: ended ones of the last 90 days too")),
      limit: Limit(),
      cursor: Cursor,
    }),
    responses: { 200: Type.Array(Silence) },
    errors: ["invalid_cursor"],
    list: "array",
    example: {},
  }),
  "silences.create": route({
    method: "POST",
    path: "/api/admin/alert-silences",
    tag,
    summary: "Keep a rule, an alert or a tenant's alerts from telling anybody for a while",
    description:
      "Alerts still open and are listed. What is still open when the silence ends is told then. The database's clock counts, for at most 31 days.",
    access: operatorAccess("alerts:write"),
    body: NewSilence,
    responses: { 201: Silence },
    errors: ["not_found", "tenant_not_found"],
    audit: { action: "silence", resourceType: "alert" },
    example: { body: { rule: "error_rate", forSeconds: 7200, reason: "load test" } },
  }),
  "silences.end": route({
    method: "DELETE",
    path: "/api/admin/alert-silences/:id",
    tag,
    summary: "End a silence",
    access: operatorAccess("alerts:write"),
    params: Closed({ id: Uuid("The silence's id") }),
    responses: { 200: Silence },
    errors: ["not_found"],
    audit: { action: "unsilence", resourceType: "alert" },
    example: { params: { id: "01890000-0000-7000-8000-000000000006" } },
  }),
};

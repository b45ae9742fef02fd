import Type from "typebox";
import { operatorAccess } from "../access.ts";
import { route } from "../route.ts";
import { ErrorGroup, ErrorGroupDetails, fingerprintPattern } from "../schemas/error-group.ts";
import { Closed, Cursor, Limit, Line, Time } from "../schemas/values.ts";

const tag = "errors";
const params = Closed({
  fingerprint: Type.String({ description: "The group's fingerprint", pattern: fingerprintPattern, maxLength: 16 }),
});
const example = { params: { fingerprint: "0123456789abcdef" } };

export const errorRoutes = {
  "errors.list": route({
    method: "GET",
    path: "/api/admin/errors",
    tag,
    summary: "List what went wrong, grouped",
    description:
      "Answers of 500 and above, documents that broke off, and background work that failed: one row per kind, the last seen first. Resolved ones, and requests turned away under load, only with `all`. Kept for 90 days after they were last seen.",
    access: operatorAccess("errors:read"),
    query: Closed({
      since: Type.Optional(Time("Seen from this time on")),
      route: Type.Optional(Line("Only this route's id, or this background work", 100)),
      code: Type.Optional(Line("Only this code", 60)),
      all: Type.Optional(Type.Boolean({ description: "Resolved ones and turned-away requests too" })),
      limit: Limit(),
      cursor: Cursor,
    }),
    responses: { 200: Type.Array(ErrorGroup) },
    errors: ["invalid_cursor"],
    list: "array",
    example: { query: { route: "customers.list" } },
  }),
  "errors.get": route({
    method: "GET",
    path: "/api/admin/errors/:fingerprint",
    tag,
    summary: "Show one kind of error",
    access: operatorAccess("errors:read"),
    params,
    responses: { 200: ErrorGroupDetails },
    errors: ["not_found"],
    example,
  }),
  "errors.resolve": route({
    method: "POST",
    path: "/api/admin/errors/:fingerprint/resolve",
    tag,
    summary: "Mark a kind of error as resolved",
    description: "It is open again as soon as it comes again.",
    access: operatorAccess("errors:write"),
    params,
    body: Closed({ note: Type.Optional(Line("What was done, for the audit log", 500)) }),
    responses: { 200: ErrorGroupDetails },
    errors: ["not_found"],
    audit: { action: "resolve", resourceType: "error" },
    example: { ...example, body: { note: "fixed in 1.4.2" } },
  }),
};

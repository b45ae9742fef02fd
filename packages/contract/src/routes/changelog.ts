import Type from "typebox";
import { operatorAccess } from "../access.ts";
import { route } from "../route.ts";
import {
  Closed,
  Cursor,
  Limit,
  Line,
  Nullable,
  OneOf,
  Slug,
  TenantQuery,
  TenantRef,
  Time,
  Uuid,
} from "../schemas/values.ts";

const tag = "changelog";

export const Change = Closed({
  id: Uuid("The entry, or the row of the audit log that it is made from"),
  at: Time("When"),
  change: Type.String({ description: "What was changed" }),
  operator: Type.String({ description: "Who did it: an e-mail, `token <name>`, or System" }),
  tenantId: Nullable(Uuid("Whose; null for the system")),
  slug: Nullable(Slug("Whose, by name")),
  source: OneOf(["audit", "manual"], "audit: done with this system; manual: written down by somebody"),
});

export const changelogRoutes = {
  "changelog.list": route({
    method: "GET",
    path: "/api/admin/changelog",
    tag,
    summary: "Show what operators changed",
    description:
      "Newest first: from the audit log what changed the system or a tenant, and what was written down by hand. What tenants do themselves is in the audit log only.",
    access: operatorAccess("changelog:read"),
    query: Closed({
      tenantId: TenantQuery,
      since: Type.Optional(Time("From this time on")),
      until: Type.Optional(Time("Before this time")),
      limit: Limit(),
      cursor: Cursor,
    }),
    responses: { 200: Type.Array(Change) },
    errors: ["invalid_cursor", "tenant_not_found"],
    list: "array",
    example: { query: { since: "2026-11-01T00:00:00.000Z" } },
  }),
  "changelog.add": route({
    method: "POST",
    path: "/api/admin/changelog",
    tag,
    summary: "Write down a change",
    description: "For what was done elsewhere: a disk replaced, a contract signed. It stays.",
    access: operatorAccess("changelog:write"),
    body: Closed({
      change: Line("What was changed", 500),
      date: Type.Optional(Time("When; now unless said, and not ahead")),
      tenantId: Type.Optional({ ...TenantRef, description: "Which tenant it is about, by id or slug" }),
    }),
    responses: { 201: Change },
    errors: ["tenant_not_found"],
    audit: { action: "add", resourceType: "changelog_entry" },
    example: { body: { change: "Initial operator guide", date: "2025-12-01T00:00:00.000Z" } },
  }),
};

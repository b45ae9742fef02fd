import Type from "typebox";
import { adminAccess, operatorAccess } from "../access.ts";
import { tenantStatuses } from "../lifecycle.ts";
import { route } from "../route.ts";
import { PlanName, ProvisionedTenant, Tenant, TenantChange, TenantDeletion, TenantDetails } from "../schemas/tenant.ts";
import { User } from "../schemas/user.ts";
import {
  Closed,
  Cursor,
  DryRun,
  Email,
  Limit,
  Line,
  Nullable,
  OneOf,
  Password,
  Reason,
  Slug,
  TenantQuery,
  TenantRef,
} from "../schemas/values.ts";

const tag = "tenants";
const params = Closed({ id: TenantRef });
const example = { params: { id: "company-name" } };
const dryRunQuery = Closed({ dryRun: DryRun });

const step = <const Name extends "suspend" | "reactivate" | "cancel">(
  name: Name,
  summary: string,
  description: string,
) =>
  route({
    method: "POST",
    path: `/api/admin/tenants/:id/${name}`,
    tag,
    summary,
    description,
    access: operatorAccess("tenants:write"),
    params,
    query: dryRunQuery,
    body: Closed({ reason: Reason }),
    responses: { 200: TenantChange },
    errors: ["transition_forbidden"],
    audit: { action: name, resourceType: "tenant" },
    example: { ...example, body: { reason: "unpaid invoice" } },
  });

export const tenantRoutes = {
  "tenants.list": route({
    method: "GET",
    path: "/api/admin/tenants",
    tag,
    summary: "List tenants",
    description: "Complete and streamed without `limit`; deleted tenants only with `includeDeleted`.",
    access: operatorAccess("tenants:read"),
    query: Closed({
      status: Type.Optional(OneOf(tenantStatuses, "Only tenants in this status")),
      plan: Type.Optional(PlanName),
      search: Type.Optional(Line("Only tenants whose name, slug or contact e-mail begins with this", 100)),
      includeDeleted: Type.Optional(Type.Boolean({ description: "Deleted tenants too" })),
      limit: Limit(10_000),
      cursor: Cursor,
    }),
    responses: { 200: Type.Array(Tenant) },
    errors: ["invalid_cursor"],
    list: "complete",
    unlimited: true,
    example: { query: { status: "active" } },
  }),
  "tenants.get": route({
    method: "GET",
    path: "/api/admin/tenants/:id",
    tag,
    summary: "Show a tenant and its use against quota",
    access: operatorAccess("tenants:read"),
    params,
    responses: { 200: TenantDetails },
    example,
  }),
  "tenants.users": route({
    method: "GET",
    path: "/api/admin/tenants/:id/users",
    tag,
    summary: "List a tenant's users",
    access: operatorAccess("users:read"),
    params,
    query: Closed({ limit: Limit(), cursor: Cursor }),
    responses: { 200: Type.Array(User) },
    errors: ["invalid_cursor"],
    list: "array",
    example,
  }),
  "tenants.provision": route({
    method: "POST",
    path: "/api/admin/tenants/provision",
    tag,
    summary: "Provision a tenant with its first tenant_admin",
    description:
      "Tenant, administrator, quotas and audit row in one transaction. Without `slug` one is derived from the name. With `adminPassword: null` the answer holds a single-use secret for POST /api/auth/redeem; it is stored nowhere, so a repeat under the same Idempotency-Key answers without it.",
    access: operatorAccess("tenants:write"),
    query: dryRunQuery,
    body: Closed({
      name: Line("The tenant's name"),
      slug: Type.Optional(Slug("Short name for URLs and commands: lower-case words and hyphens")),
      contactEmail: Email("Whom to write to"),
      adminName: Line("The first administrator's name"),
      adminEmail: Email("The first administrator's e-mail"),
      adminPassword: Nullable(Password("The first administrator's password")),
      plan: PlanName,
    }),
    responses: {
      200: ProvisionedTenant,
      201: ProvisionedTenant,
    },
    errors: ["slug_taken", "weak_password", "idempotency_mismatch", "not_found"],
    audit: { action: "create", resourceType: "tenant" },
    idempotencyKey: true,
    example: {
      body: {
        name: "Company Name",
        contactEmail: "contact@company.com",
        adminName: "Admin Name",
        adminEmail: "admin@company.com",
        adminPassword: "secure_password",
        plan: "basic",
      },
    },
  }),
  "tenants.update": route({
    method: "PATCH",
    path: "/api/admin/tenants/:id",
    tag,
    summary: "Change a tenant's name, contact or plan",
    description: "A smaller plan is refused where more is in use than it allows.",
    access: operatorAccess("tenants:write"),
    params,
    query: dryRunQuery,
    body: Closed({
      name: Type.Optional(Line("The tenant's name")),
      contactEmail: Type.Optional(Email("Whom to write to")),
      plan: Type.Optional(PlanName),
    }),
    responses: { 200: TenantChange },
    errors: ["plan_too_small", "not_found"],
    audit: { action: "update", resourceType: "tenant" },
    example: { ...example, body: { plan: "pro" } },
  }),
  "tenants.suspend": step(
    "suspend",
    "Suspend a tenant",
    "Its users and tokens are refused from the next request on; its data stays.",
  ),
  "tenants.reactivate": step("reactivate", "Reactivate a suspended or cancelled tenant", "Its users can log in again."),
  "tenants.cancel": step("cancel", "Cancel a tenant", "Like suspended; for a contract that has ended."),
  "tenants.delete": route({
    method: "POST",
    path: "/api/admin/tenants/:id/delete",
    tag,
    summary: "Delete a tenant, softly or for good",
    description:
      "Soft: hidden, access ends, data kept until purgeAt. Hard: every row is removed; only after a soft delete, or with force. A hard delete that takes longer than 10 s answers 202 and goes on as an operation.",
    access: operatorAccess("tenants:delete"),
    params,
    query: dryRunQuery,
    body: Closed({
      hardDelete: Type.Optional(Type.Boolean({ description: "Remove the data for good" })),
      force: Type.Optional(Type.Boolean({ description: "Hard delete without a soft delete before it" })),
      reason: Reason,
    }),
    responses: { 200: TenantDeletion, 202: TenantDeletion },
    errors: ["transition_forbidden", "tenant_busy", "legal_hold"],
    audit: { action: "delete", resourceType: "tenant" },
    example: { ...example, body: { hardDelete: false } },
  }),
  "tenants.undelete": route({
    method: "POST",
    path: "/api/admin/tenants/:id/undelete",
    tag,
    summary: "Bring a softly deleted tenant back",
    description: "To the status it had before.",
    access: operatorAccess("tenants:delete"),
    params,
    query: dryRunQuery,
    body: Closed({ reason: Reason }),
    responses: { 200: TenantChange },
    errors: ["transition_forbidden"],
    audit: { action: "undelete", resourceType: "tenant" },
    example: { ...example, body: {} },
  }),
  "tenants.export": route({
    method: "GET",
    path: "/api/tenants/export",
    tag,
    summary: "Export a tenant's data as one JSON document",
    description:
      "Every protected table from one consistent snapshot, without password hashes, sessions and tokens. A failure midway breaks the transfer.",
    access: adminAccess("exports:read"),
    query: Closed({ tenantId: TenantQuery }),
    responses: {
      200: Type.Object({
        format: Type.Literal("tenantctl-export/1"),
        exportedAt: Type.String(),
        tenant: Tenant,
        exactText: Type.Record(Type.String(), Type.Array(Type.String()), {
          description: "Columns by table whose values travel as PostgreSQL's own text in a string",
        }),
        tables: Type.Record(Type.String(), Type.Array(Type.Record(Type.String(), Type.Unknown()))),
        counts: Type.Record(Type.String(), Type.Integer({ minimum: 0 })),
      }),
    },
    audit: { action: "export", resourceType: "tenant" },
    list: "document",
    unlimited: true,
    example: { query: { tenantId: "company-name" } },
  }),
};

import Type from "typebox";
import { operatorAccess } from "../access.ts";
import { route } from "../route.ts";
import { Operation } from "../schemas/tenant.ts";
import { Closed, DryRun, OneOf, Slug, TenantRef } from "../schemas/values.ts";

const tag = "restores";

export const restoreModes = ["new", "in-place", "original"] as const;

export const restoreRoutes = {
  "restores.create": route({
    method: "POST",
    path: "/api/admin/restores",
    tag,
    summary: "Restore one tenant from an archive",
    description:
      "The body is the archive, not encrypted. Everything is checked before the first write, written in one transaction inside that tenant's row-level security, and compared with the archive before it is committed. Takes more than 10 s: 202, and it goes on as an operation.",
    access: operatorAccess("restores:write"),
    query: Closed({
      mode: OneOf(
        restoreModes,
        "new: a copy under another slug; in-place: replace the tenant's data; original: a purged tenant, under its old id",
      ),
      tenant: Type.Optional(TenantRef),
      slug: Type.Optional(Slug("For new: the copy's slug; for original: where its own is taken")),
      confirm: Type.Optional(Slug("For in-place: the tenant's slug")),
      present: Type.Optional(
        Type.String({
          description:
            "For in-place: the state that a backup of the tenant has just saved, as SHA-256 of the lines `<table> <digest>` in the order of the names; refused where the tenant has been written to since",
          pattern: "^[0-9a-f]{64}$",
          minLength: 64,
          maxLength: 64,
        }),
      ),
      dryRun: DryRun,
    }),
    upload: "application/x-tar",
    responses: { 200: Operation, 202: Operation },
    errors: [
      "archive_invalid",
      "archive_unsupported",
      "restore_mismatch",
      "slug_taken",
      "quota_exceeded",
      "transition_forbidden",
      "legal_hold",
      "edit_conflict",
      "operation_finished",
      "tenant_busy",
    ],
    audit: { action: "restore", resourceType: "tenant" },
    unlimited: true,
    example: { query: { mode: "new", slug: "company-copy" } },
  }),
  "imports.create": route({
    method: "POST",
    path: "/api/admin/imports",
    tag,
    summary: "Make a tenant from a JSON export",
    description:
      "The body is the document of GET /api/tenants/export. Its users must set a new password before they can log in.",
    access: operatorAccess("restores:write"),
    query: Closed({ slug: Slug("The new tenant's slug"), dryRun: DryRun }),
    upload: "application/vnd.tenantctl.export+json",
    responses: { 200: Operation, 202: Operation },
    errors: ["archive_invalid", "archive_unsupported", "slug_taken", "quota_exceeded", "operation_finished"],
    audit: { action: "import", resourceType: "tenant" },
    unlimited: true,
    example: { query: { slug: "company-copy" } },
  }),
};

import Type from "typebox";
import { type Access, operatorAccess } from "../access.ts";
import { route } from "../route.ts";
import {
  AuditCheckpoint,
  AuditKeyInfo,
  AuditRetention,
  AuditRow,
  AuditVerification,
  auditOutcomes,
} from "../schemas/audit.ts";
import { Closed, Cursor, DryRun, Limit, Line, OneOf, TenantQuery, TenantRef, Time } from "../schemas/values.ts";

const access: Access = { kind: "tenant", roles: ["tenant_admin"], scope: "audit:read", operatorNeedsTenant: false };

const tag = "audit";

const AuditTenant = Type.Optional({
  ...TenantRef,
  description: "Only this tenant's chain, by id or slug; `system` for the rows about no tenant",
});

const Months = Type.Optional(
  Type.Integer({
    description: "Whole months to keep besides this one; TENANTCTL_AUDIT_RETENTION_MONTHS unless said",
    minimum: 1,
    maximum: 1200,
  }),
);

export const auditRoutes = {
  "audit.list": route({
    method: "GET",
    path: "/api/audit-logs",
    tag,
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
  "audit.export": route({
    method: "GET",
    path: "/api/audit-logs/export",
    tag,
    summary: "Export the audit log",
    description: "Complete, oldest first, streamed from one consistent snapshot. A failure midway breaks the transfer.",
    access,
    query: Closed({
      tenantId: TenantQuery,
      since: Type.Optional(Time("From this time on")),
      until: Type.Optional(Time("Before this time")),
    }),
    responses: { 200: Type.Array(AuditRow) },
    list: "complete",
    unlimited: true,
    example: { query: { since: "2026-11-01T00:00:00.000Z" } },
  }),
  "audit.tail": route({
    method: "GET",
    path: "/api/audit-logs/tail",
    tag,
    summary: "Read what was written to the audit log since the last look",
    description:
      "Without a cursor the newest rows; with one every row committed since, none twice and none left out, however late it was committed.",
    access,
    query: Closed({ tenantId: TenantQuery, limit: Limit(), cursor: Cursor }),
    responses: {
      200: Closed({
        rows: Type.Array(AuditRow),
        cursor: Type.String({ description: "For the next look" }),
        more: Type.Boolean({ description: "Whether more waits already" }),
      }),
    },
    errors: ["invalid_cursor"],
    example: {},
  }),
  "audit.verify": route({
    method: "POST",
    path: "/api/admin/audit/verify",
    tag,
    summary: "Prove that the audit log is as it was written",
    description:
      "The body is a file of checkpoints, or empty. Answers an array of progress and problems as they are found, and a result as its last element; one that breaks off has none.",
    access: operatorAccess("audit:verify"),
    query: Closed({
      tenantId: AuditTenant,
      since: Type.Optional(Time("Only rows sealed from this time on; what came before is taken on trust")),
    }),
    upload: "application/vnd.tenantctl.checkpoints+jsonl",
    responses: { 200: Type.Array(AuditVerification) },
    errors: ["tenant_not_found", "overloaded"],
    audit: { action: "verify", resourceType: "audit_log" },
    list: "complete",
    unlimited: true,
    example: {},
  }),
  "audit.checkpoint": route({
    method: "GET",
    path: "/api/admin/audit/checkpoint",
    tag,
    summary: "Sign where each chain of the audit log ends",
    description:
      "Keep it away from the database: against it a verification finds what was cut off or sealed anew. Each part is signed by itself.",
    access: operatorAccess("audit:verify"),
    query: Closed({
      since: Type.Optional(
        Type.Integer({
          description: "Only chains sealed after this batch: that of the checkpoint before",
          minimum: 1,
          maximum: Number.MAX_SAFE_INTEGER,
        }),
      ),
    }),
    responses: { 200: Type.Array(AuditCheckpoint) },
    list: "complete",
    unlimited: true,
    example: {},
  }),
  "audit.key": route({
    method: "GET",
    path: "/api/admin/audit/key",
    tag,
    summary: "Show which keys seal the audit log, and their public halves",
    access: operatorAccess("audit:verify"),
    responses: { 200: AuditKeyInfo },
    example: {},
  }),
  "audit.retention": route({
    method: "GET",
    path: "/api/admin/audit/retention",
    tag,
    summary: "Show what of the audit log is old enough to go, and what keeps it",
    access: operatorAccess("audit:read"),
    query: Closed({ months: Months }),
    responses: { 200: AuditRetention },
    example: {},
  }),
  "audit.drop": route({
    method: "POST",
    path: "/api/admin/audit/retention",
    tag,
    summary: "Drop whole old months of the audit log",
    description:
      "For good. The chains then begin where the last dropped row ended, and verify from there. A legal hold on a tenant with rows in these months stops it.",
    access: operatorAccess("audit:drop"),
    query: Closed({ months: Months, dryRun: DryRun }),
    responses: { 200: AuditRetention },
    errors: ["transition_forbidden", "edit_conflict"],
    audit: { action: "drop", resourceType: "audit_log" },
    example: { query: { months: 24 } },
  }),
};

import Type from "typebox";
import { operatorAccess } from "../access.ts";
import { route } from "../route.ts";
import { BackupFacts } from "../schemas/tenant.ts";
import {
  Closed,
  Count,
  Cursor,
  Limit,
  Line,
  Nullable,
  OneOf,
  Slug,
  TenantQuery,
  TenantRef,
  Text,
  Time,
  Uuid,
} from "../schemas/values.ts";

const tag = "backups";

export const reportKinds = ["backup", "verify", "drill"] as const;
export const reportOutcomes = ["ok", "failed", "gone"] as const;

const Lease = Closed({
  id: Uuid("The lease's id; whoever has it renews and releases the lease"),
  holder: Type.String({ description: "Who holds it" }),
  acquiredAt: Time("Since when"),
  expiresAt: Time("When it ends unless renewed"),
});

const uuidText = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}";

const leaseParams = Closed({ id: Uuid("The lease's id") });
const leaseExample = { params: { id: "01890000-0000-7000-8000-000000000007" } };
const LeaseSeconds = Type.Optional(
  Type.Integer({ description: "How long it holds unless renewed; 60 unless said", minimum: 5, maximum: 600 }),
);

/** One tenant in a run; a system archive has no tenant. */
const ReportItem = Closed({
  tenantId: Nullable(Uuid("Whose; null for the system archive")),
  outcome: OneOf(
    reportOutcomes,
    "What came of it; gone: deleted while the run was under way, or its file was pruned since",
  ),
  snapshotAt: Type.Optional(Nullable(Time("The moment that the archive holds"))),
  bytes: Type.Optional(Nullable(Count("Size as stored"))),
  sha256: Type.Optional(Nullable(Type.String({ description: "Of the file as stored", pattern: "^[0-9a-f]{64}$" }))),
  seconds: Type.Optional(Nullable(Type.Number({ description: "How long it took", minimum: 0 }))),
  error: Type.Optional(Nullable(Text("Why it failed", 1000))),
});

const Run = Closed({
  runId: Type.String({ description: "The run's name, as its folder" }),
  kind: OneOf(reportKinds, "What was done"),
  repository: Type.String({ description: "Where, as the reporting host names it" }),
  host: Type.String({ description: "The host that ran it" }),
  startedAt: Time("When it began"),
  finishedAt: Nullable(Time("When it ended")),
  expiresAt: Nullable(Time("When its files expire; null: they are kept until they are pruned")),
  exitCode: Nullable(Count("How it ended")),
  ok: Count("Tenants that succeeded, and whose files were not pruned since"),
  failed: Count("Tenants that failed"),
  bytes: Count("Bytes stored"),
});

export const backupRoutes = {
  "backups.archive": route({
    method: "GET",
    path: "/api/admin/tenants/:id/archive",
    tag,
    summary: "Archive a tenant",
    description:
      "Streams one tar file (docs/archive-format.md) from one consistent snapshot. A failure midway breaks the transfer.",
    access: operatorAccess("backups:read"),
    params: Closed({ id: TenantRef }),
    document: "application/x-tar",
    responses: { 200: Type.Unknown({ description: "The archive" }) },
    audit: { action: "backup", resourceType: "tenant" },
    list: "document",
    unlimited: true,
    example: { params: { id: "company-name" } },
  }),
  "backups.archives": route({
    method: "GET",
    path: "/api/admin/archives",
    tag,
    summary: "Archive several tenants",
    description:
      "Streams the archives of the tenants named, one after the other, each from a snapshot of its own: what backing up many small tenants one by one costs most is the requests. Frames of a letter, a length (4 bytes, big-endian) and content: T begins a tenant's (its id), D has bytes of it, E says that all of it was sent, F that it failed; ask for that one alone then.",
    access: operatorAccess("backups:read"),
    query: Closed({
      tenants: Type.String({
        description: "Their ids with commas between them, 1 to 64",
        pattern: `^${uuidText}(,${uuidText}){0,63}$`,
      }),
    }),
    document: "application/x-tenantctl-archives",
    responses: { 200: Type.Unknown({ description: "The archives, framed" }) },
    audit: { action: "backup", resourceType: "tenant" },
    list: "document",
    unlimited: true,
    example: { query: { tenants: "01890000-0000-7000-8000-000000000001,01890000-0000-7000-8000-000000000002" } },
  }),
  "backups.systemArchive": route({
    method: "GET",
    path: "/api/admin/system/archive",
    tag,
    summary: "Archive what belongs to no tenant",
    description:
      "Operators, plans, overrides, rules, holds, tenant records and the audit log: what a lost database is rebuilt from.",
    access: operatorAccess("backups:read"),
    document: "application/x-tar",
    responses: { 200: Type.Unknown({ description: "The archive" }) },
    audit: { action: "backup", resourceType: "system" },
    list: "document",
    unlimited: true,
    example: {},
  }),
  "backups.acquire": route({
    method: "POST",
    path: "/api/admin/backups/lease",
    tag,
    summary: "Take the lock that one backup run holds at a time",
    access: operatorAccess("backups:write"),
    body: Closed({ holder: Line("Who: host, process and repository", 200), seconds: LeaseSeconds }),
    responses: { 201: Lease },
    errors: ["lease_held"],
    audit: { action: "lock", resourceType: "backup" },
    example: { body: { holder: "backup1 pid 4711 /var/backups" } },
  }),
  "backups.renew": route({
    method: "PUT",
    path: "/api/admin/backups/lease/:id",
    tag,
    summary: "Keep the lock",
    access: operatorAccess("backups:write"),
    params: leaseParams,
    body: Closed({ seconds: LeaseSeconds }),
    responses: { 200: Lease },
    errors: ["lease_lost"],
    example: { ...leaseExample, body: {} },
  }),
  "backups.release": route({
    method: "DELETE",
    path: "/api/admin/backups/lease/:id",
    tag,
    summary: "Give the lock back",
    access: operatorAccess("backups:write"),
    params: leaseParams,
    responses: { 200: Lease },
    errors: ["lease_lost"],
    audit: { action: "unlock", resourceType: "backup" },
    example: leaseExample,
  }),
  "backups.report": route({
    method: "POST",
    path: "/api/admin/backups/runs",
    tag,
    summary: "Report what a backup, verification or drill run did",
    description:
      "In as many calls as there are thousands of tenants; the same run and tenant again replaces what was said. What is left out of the run itself stays as it was.",
    access: operatorAccess("backups:write"),
    body: Closed({
      runId: Line("The run's name, as its folder", 100),
      kind: OneOf(reportKinds, "What was done"),
      repository: Line("Where, as the reporting host names it", 500),
      host: Line("The host that ran it", 200),
      startedAt: Time("When it began"),
      finishedAt: Type.Optional(Nullable(Time("When it ended; left out while more is to come"))),
      exitCode: Type.Optional(Nullable(Count("How it ended"))),
      expiresAt: Type.Optional(Nullable(Time("When its files expire: the first prune from then on removes them"))),
      items: Type.Array(ReportItem, { maxItems: 1000 }),
    }),
    responses: { 200: Run },
    audit: { action: "report", resourceType: "backup" },
    example: {
      body: {
        runId: "20261123T023000Z-1a2b",
        kind: "backup",
        repository: "/var/backups/tenants",
        host: "backup1",
        startedAt: "2026-11-23T02:30:00.000Z",
        finishedAt: "2026-11-23T02:30:08.000Z",
        exitCode: 0,
        expiresAt: "2026-12-28T02:30:00.000Z",
        items: [],
      },
    },
  }),
  "backups.runs": route({
    method: "GET",
    path: "/api/admin/backups/runs",
    tag,
    summary: "List reported runs",
    access: operatorAccess("backups:read"),
    query: Closed({
      kind: Type.Optional(OneOf(reportKinds, "Only runs of this kind")),
      tenantId: TenantQuery,
      holding: Type.Optional(
        Type.Boolean({
          description: "Only backups whose files (the tenant's, where one is named) were not pruned since",
        }),
      ),
      limit: Limit(),
      cursor: Cursor,
    }),
    responses: { 200: Type.Array(Run) },
    errors: ["invalid_cursor"],
    list: "array",
    example: {},
  }),
  "backups.status": route({
    method: "GET",
    path: "/api/admin/backups/status",
    tag,
    summary: "Show when each tenant was last backed up, verified and restored in a drill",
    description:
      "Tenants that are not purged, the longest without a backup first. An age counts from the tenant's creation where there is none. Verified and drilled count from the start of that run.",
    access: operatorAccess("backups:read"),
    query: Closed({
      olderThanHours: Type.Optional(
        Type.Integer({
          description: "Only tenants whose newest backup (or creation) is older",
          minimum: 1,
          maximum: 87_600,
        }),
      ),
      limit: Limit(10_000),
      cursor: Cursor,
    }),
    responses: {
      200: Type.Array(
        Closed({
          tenantId: Uuid("The tenant"),
          slug: Slug("The tenant, by name"),
          status: Type.String({ description: "The tenant's status" }),
          createdAt: Time("When the tenant was provisioned"),
          ...BackupFacts.properties,
        }),
      ),
    },
    errors: ["invalid_cursor"],
    list: "array",
    example: { query: { olderThanHours: 26 } },
  }),
};

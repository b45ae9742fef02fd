import Type from "typebox";
import { tenantStatuses } from "../lifecycle.ts";
import { Maintenance } from "./maintenance.ts";
import { Closed, Count, Line, Nullable, OneOf, Slug, Time, Uuid } from "./values.ts";

export const quotaResources = ["users", "customers", "storage_bytes", "api_requests_per_day"] as const;
export type QuotaResource = (typeof quotaResources)[number];

export const PlanName = Type.String({
  description: "A plan",
  pattern: "^[a-z0-9]+(-[a-z0-9]+)*$",
  minLength: 1,
  maxLength: 63,
});

export const Quota = Closed({
  resource: OneOf(quotaResources, "What is counted"),
  used: Count("In use now; API requests count since midnight UTC"),
  limit: Nullable(Count("The most there may be; null is unlimited")),
  percentage: Nullable(Type.Number({ description: "used of limit, one decimal; null where unlimited", minimum: 0 })),
  source: OneOf(["plan", "override"], "Where the limit comes from"),
  expiresAt: Nullable(Time("When the override ends")),
});

const tenantProperties = {
  id: Uuid("The tenant's id"),
  slug: Slug("The tenant's short name"),
  name: Line("The tenant's name"),
  status: OneOf(tenantStatuses, "Where the tenant is in its lifecycle"),
  plan: PlanName,
  contactEmail: Type.String({ description: "Whom to write to" }),
  statusReason: Nullable(Type.String({ description: "Why it is in this status" })),
  statusChangedAt: Time("Since when it is in this status"),
  createdAt: Time("When it was provisioned"),
  updatedAt: Time("When its record last changed"),
  deletedAt: Nullable(Time("When it was deleted")),
  purgeAt: Nullable(Time("When the data of a deleted tenant is removed for good")),
};

export const Tenant = Closed(tenantProperties);

/** A tenant that was provisioned, or with dryRun would be. */
export const ProvisionedTenant = Closed({
  ...tenantProperties,
  adminId: Uuid("The first administrator's id"),
  adminSecret: Nullable(
    Type.String({
      description: "Where no password was given: what the administrator sets the first one with, once; shown once",
    }),
  ),
  adminSecretExpiresAt: Nullable(Time("When the secret ends")),
  dryRun: Type.Boolean({ description: "True where nothing was made" }),
});

/** Three different facts about a tenant's backups, as runs reported them. */
export const BackupFacts = Closed({
  lastBackupAt: Nullable(Time("Snapshot time of the newest backup")),
  lastVerifiedAt: Nullable(Time("When a backup of it was last read back and found whole")),
  lastDrilledAt: Nullable(Time("When a backup of it was last restored in a drill and found equal")),
  lastBackupBytes: Nullable(Count("Size of the newest backup as stored")),
});

export const TenantDetails = Closed({
  ...tenantProperties,
  quotas: Type.Array(Quota),
  users: Count("Users, disabled ones too"),
  activeSessions: Count("Sessions that could be used now"),
  lastLoginAt: Nullable(Time("The last login of any of its users")),
  backup: BackupFacts,
  legalHold: Nullable(Type.String({ description: "Why it may be neither purged nor hard deleted" })),
  // What its users are refused by: the stricter of the system's and its own.
  maintenance: Nullable(Maintenance),
});

/** A step of the lifecycle that was taken, or with dryRun would be. */
export const TenantChange = Closed({
  ...tenantProperties,
  changed: Type.Boolean({ description: "False where it was so already" }),
  dryRun: Type.Boolean({ description: "True where nothing was changed" }),
  sessionsEnded: Count("Sessions and tokens that no longer work"),
});

export const operationStatuses = ["queued", "running", "succeeded", "failed", "cancelled"] as const;

const RowsPerTable = Type.Record(Type.String(), Count("rows"), { description: "Rows by table" });

export const Operation = Closed({
  id: Uuid("The operation's id"),
  kind: OneOf(["hard_delete", "restore", "import"], "What it does"),
  tenantId: Nullable(Uuid("Whose")),
  tenantSlug: Nullable(Type.String({ description: "Whose, by name" })),
  status: OneOf(operationStatuses, "How far it is"),
  plan: RowsPerTable,
  progress: RowsPerTable,
  result: Type.Union([Type.Null(), Type.Record(Type.String(), Type.Unknown())], {
    description: "What came of it: of a hard delete its certificate, of a restore the proof",
  }),
  error: Nullable(Type.String({ description: "Why it failed" })),
  errorCode: Nullable(Type.String({ description: "The same for programs: the code of the problem, where it has one" })),
  requestedBy: Type.String({ description: "Who asked for it" }),
  createdAt: Time("When it was asked for"),
  startedAt: Nullable(Time("When it began")),
  finishedAt: Nullable(Time("When it ended")),
});

/** A soft delete answers with the change; a hard one also with the rows removed, or the operation still under way. */
export const TenantDeletion = Closed({
  ...tenantProperties,
  changed: Type.Boolean({ description: "False where it was so already" }),
  dryRun: Type.Boolean({ description: "True where nothing was changed" }),
  sessionsEnded: Count("Sessions and tokens that no longer work"),
  hard: Type.Boolean({ description: "Whether the data is removed for good" }),
  rows: Type.Union([RowsPerTable, Type.Null()], {
    description: "Rows removed (or to be removed) per table; null for a soft delete",
  }),
  operation: Nullable(Operation),
});

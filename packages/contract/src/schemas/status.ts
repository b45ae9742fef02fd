import Type from "typebox";
import { checkResults } from "../check-result.ts";
import { incidentKinds } from "../runbooks.ts";
import { Alert } from "./alert.ts";
import { Cadence } from "./check-run.ts";
import { maintenanceModes } from "./maintenance.ts";
import { Closed, Count, Nullable, OneOf, Slug, Time, Uuid } from "./values.ts";

export const Health = Closed({
  status: OneOf(["ok", "degraded", "down"], "ok: everything below is fine"),
  database: Closed({
    reachable: Type.Boolean(),
    latencyMs: Nullable(Type.Number({ description: "One round trip", minimum: 0 })),
  }),
  migrations: OneOf(["current", "pending", "unknown"], "Does the schema fit the program"),
  uptimeSeconds: Count("Since the process started"),
});

/** One thing that needs a person. */
export const Attention = Closed({
  what: Type.String({ description: "What is wrong, in one line" }),
  next: Type.String({ description: "The next step, most often a command" }),
  severity: OneOf(["warning", "critical"], "critical: now; warning: today"),
  since: Nullable(Time("Since when, where that is known")),
});

/** The system as `tenantctl status` shows it. Lists are short; what they leave out is counted beside them. */
export const Status = Closed({
  at: Time("When this was asked, by the database's clock"),
  needsAttention: Type.Array(Attention, {
    description: "What needs a person, worst first, at most 20; empty: all well",
  }),
  needsAttentionTotal: Count("How much there is that needs a person"),
  health: Health,
  version: Type.String({ description: "Version of the API" }),
  jobs: Closed({
    lastSucceededAt: Nullable(Time("When a background task last succeeded, in any process")),
    alertsEvaluatedAt: Nullable(Time("When alerts were last evaluated")),
    failing: Type.Array(
      Closed({ task: Type.String(), since: Time("Since when every run failed"), error: Type.String() }),
      { description: "Tasks whose last run failed" },
    ),
  }),
  disk: Nullable(
    Closed(
      {
        usedPercent: Type.Number({ description: "In use", minimum: 0 }),
        host: Type.String({ description: "Whose disk" }),
        path: Type.String({ description: "The folder on it" }),
      },
      { description: "The fullest disk under the database or a data folder; null where none can be seen" },
    ),
  ),
  auditSealing: Closed({
    waiting: Count("Rows of the audit log that are not sealed yet, at most 10,001"),
    lagSeconds: Count("Age of the oldest of them; 0 where none waits"),
  }),
  maintenance: Closed(
    {
      system: Nullable(
        Closed({
          mode: OneOf(maintenanceModes, "full: tenants are refused; read_only: only their changes are"),
          reason: Nullable(Type.String({ description: "Why" })),
          startedAt: Time("Since when"),
          endsAt: Nullable(Time("When it ends by itself; null: when somebody ends it")),
        }),
      ),
      tenants: Count("Tenants in a maintenance of their own"),
      tenantsWithoutEnd: Count("Those of them that somebody has to end"),
    },
    { description: "Who is refused on purpose" },
  ),
  tenants: Type.Record(Type.String(), Count("tenants"), { description: "Tenants by status" }),
  quotasNearLimit: Type.Array(
    Closed({
      tenantId: Uuid("Whose"),
      slug: Slug("Whose, by name"),
      resource: Type.String(),
      used: Count("In use"),
      limit: Count("The limit"),
      percentage: Type.Number({ minimum: 0 }),
    }),
    { description: "The fullest quotas at 80 % and above, at most 10" },
  ),
  quotasNearLimitTotal: Count("How many quotas there are at 80 % and above"),
  alerts: Type.Array(Alert, {
    description: "Unresolved alerts, at most 10: those that nobody took first, then by severity, newest first",
  }),
  alertsTotal: Count("Unresolved alerts"),
  alertsUnattended: Closed(
    { critical: Count("critical"), warning: Count("warning"), info: Count("info") },
    { description: "Unresolved alerts that nobody took or silenced" },
  ),
  errors: Closed(
    {
      groups: Count("Kinds of error"),
      newest: Nullable(
        Closed({
          fingerprint: Type.String(),
          error: Type.String(),
          place: Type.String(),
          lastSeenAt: Time("Its last time"),
        }),
      ),
    },
    { description: "Unexpected errors of the last day that nobody has resolved" },
  ),
  deliveries: Closed(
    {
      channels: Count("Channels that alerts go to; 0: they reach nobody"),
      retrying: Count("Notifications that failed and are tried again"),
      givenUp: Count("Notifications of the last day that were given up"),
    },
    { description: "What contacts are told" },
  ),
  checklists: Type.Array(
    Closed({
      cadence: Cadence,
      lastRunAt: Nullable(Time("When it was last run")),
      result: Nullable(OneOf(checkResults, "What that run found: the worst of its items")),
      signedOffBy: Nullable(Type.String({ description: "Who has looked at that run" })),
      overdue: Type.Boolean({ description: "Whether it should have been run again by now" }),
    }),
    { description: "The operators' checklists, each with its last run" },
  ),
  incidents: Closed(
    {
      open: Count("Open incidents"),
      newest: Nullable(
        Closed({
          id: Uuid("The incident"),
          kind: OneOf(incidentKinds, "Its runbook"),
          openedAt: Time("Since when"),
        }),
      ),
    },
    { description: "Emergencies that somebody is at" },
  ),
  operationsRunning: Count("Operations under way"),
  operationsFailed: Count("Operations that failed within the last day"),
  backups: Closed({
    oldestBackupAt: Nullable(Time("Of the tenants' newest backups the oldest; null where no tenant has one")),
    withoutRecentBackup: Count("Tenants whose newest backup (or creation) is more than 26 hours old"),
    lastVerifiedAt: Nullable(Time("When any backup was last verified")),
    lastDrilledAt: Nullable(Time("When any backup was last restored in a drill")),
  }),
});

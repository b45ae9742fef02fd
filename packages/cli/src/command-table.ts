import type { Command } from "./command.ts";

export const sections = [
  "Getting around",
  "Tenants",
  "Backups",
  "What a tenant holds",
  "The system",
  "Running it",
  "More",
] as const;

/** A command's name and where it is written. Its module is loaded only when it is called. */
export interface TableEntry {
  readonly name: string;
  readonly section: (typeof sections)[number];
  readonly summary: string;
  /** Left out of help. */
  readonly hidden?: boolean;
  readonly load: () => Promise<{ readonly commands: readonly Command[] }>;
}

/**
 * Every command and group of commands, in the order of `--help`. To add one: declare it with `defineCommands` in a
 * module of ./commands, and name it here. A module may hold several; `path[0]` says which is whose.
 */
export const commandTable = [
  {
    name: "login",
    section: "Getting around",
    summary: "Log in, or store a token",
    load: () => import("./commands/session.ts"),
  },
  { name: "logout", section: "Getting around", summary: "End the login", load: () => import("./commands/session.ts") },
  {
    name: "whoami",
    section: "Getting around",
    summary: "Show who is logged in, and where",
    load: () => import("./commands/session.ts"),
  },
  {
    name: "password",
    section: "Getting around",
    summary: "Change your own password",
    load: () => import("./commands/password.ts"),
  },
  {
    name: "redeem",
    section: "Getting around",
    summary: "Set a new password with a reset secret",
    load: () => import("./commands/password.ts"),
  },
  {
    name: "context",
    section: "Getting around",
    summary: "Switch between systems",
    load: () => import("./commands/context.ts"),
  },
  {
    name: "status",
    section: "Getting around",
    summary: "Show the system on one screen",
    load: () => import("./commands/status.ts"),
  },

  { name: "list", section: "Tenants", summary: "List tenants", load: () => import("./commands/tenants.ts") },
  {
    name: "show",
    section: "Tenants",
    summary: "Show a tenant and its use against quota",
    load: () => import("./commands/tenants.ts"),
  },
  {
    name: "provision",
    section: "Tenants",
    summary: "Provision a tenant with its first tenant_admin",
    load: () => import("./commands/tenants.ts"),
  },
  {
    name: "update",
    section: "Tenants",
    summary: "Change a tenant's name, contact or plan",
    load: () => import("./commands/tenants.ts"),
  },
  { name: "suspend", section: "Tenants", summary: "Suspend a tenant", load: () => import("./commands/lifecycle.ts") },
  {
    name: "reactivate",
    section: "Tenants",
    summary: "Reactivate a suspended or cancelled tenant",
    load: () => import("./commands/lifecycle.ts"),
  },
  { name: "cancel", section: "Tenants", summary: "Cancel a tenant", load: () => import("./commands/lifecycle.ts") },
  {
    name: "delete",
    section: "Tenants",
    summary: "Delete a tenant, softly or for good",
    load: () => import("./commands/delete.ts"),
  },
  {
    name: "undelete",
    section: "Tenants",
    summary: "Bring a softly deleted tenant back",
    load: () => import("./commands/lifecycle.ts"),
  },

  {
    name: "export",
    section: "Backups",
    summary: "Export a tenant's data as one JSON document",
    load: () => import("./commands/export.ts"),
  },
  {
    name: "backup",
    section: "Backups",
    summary: "Back up all tenants, or some",
    load: () => import("./commands/backup.ts"),
  },
  {
    name: "backup-all",
    section: "Backups",
    summary: "Back up all tenants: another name of backup",
    load: () => import("./commands/backup.ts"),
  },
  {
    name: "restore",
    section: "Backups",
    summary: "Restore one tenant from a backup, or a lost system",
    load: () => import("./commands/restore.ts"),
  },
  {
    name: "import",
    section: "Backups",
    summary: "Make a tenant from a JSON export",
    load: () => import("./commands/import.ts"),
  },

  {
    name: "users",
    section: "What a tenant holds",
    summary: "Users of a tenant",
    load: () => import("./commands/users.ts"),
  },
  {
    name: "customers",
    section: "What a tenant holds",
    summary: "Customers of a tenant",
    load: () => import("./commands/customers.ts"),
  },
  {
    name: "quotas",
    section: "What a tenant holds",
    summary: "Use against quota, and overrides",
    load: () => import("./commands/quotas.ts"),
  },
  {
    name: "tokens",
    section: "What a tenant holds",
    summary: "Tokens for programs, of operators or a tenant",
    load: () => import("./commands/tokens.ts"),
  },

  {
    name: "plans",
    section: "The system",
    summary: "Plans and their limits",
    load: () => import("./commands/plans.ts"),
  },
  {
    name: "operators",
    section: "The system",
    summary: "People who run the system",
    load: () => import("./commands/operators.ts"),
  },
  {
    name: "audit",
    section: "The system",
    summary: "Search, follow, export and prove the audit log",
    load: () => import("./commands/audit.ts"),
  },
  {
    name: "logs",
    section: "The system",
    summary: "What was refused or failed, errors, and who read what",
    load: () => import("./commands/logs.ts"),
  },
  { name: "alerts", section: "The system", summary: "What needs a person", load: () => import("./commands/alerts.ts") },
  {
    name: "check",
    section: "The system",
    summary: "The daily, weekly and monthly checklists",
    load: () => import("./commands/check.ts"),
  },
  {
    name: "diagnose",
    section: "The system",
    summary: "Why a login, a quota, a token or the speed is wrong",
    load: () => import("./commands/diagnose.ts"),
  },
  {
    name: "contacts",
    section: "The system",
    summary: "Whom the system tells, and how",
    load: () => import("./commands/contacts.ts"),
  },
  {
    name: "deliveries",
    section: "The system",
    summary: "What was sent to contacts, and what failed",
    load: () => import("./commands/deliveries.ts"),
  },
  {
    name: "metrics",
    section: "The system",
    summary: "Requests, errors, latency, rows and bytes",
    load: () => import("./commands/metrics.ts"),
  },
  {
    name: "placement",
    section: "The system",
    summary: "Where tenants live, and what each shard weighs",
    load: () => import("./commands/placement.ts"),
  },
  {
    name: "hold",
    section: "The system",
    summary: "Legal holds: tenants whose data must stay",
    load: () => import("./commands/hold.ts"),
  },
  {
    name: "incident",
    section: "The system",
    summary: "Emergencies, step by step: outage, breach, data loss",
    load: () => import("./commands/incident.ts"),
  },
  {
    name: "maintenance",
    section: "The system",
    summary: "Refuse tenants, or only their changes, for a while",
    load: () => import("./commands/maintenance.ts"),
  },
  {
    name: "changelog",
    section: "The system",
    summary: "What operators changed, and when",
    load: () => import("./commands/changelog.ts"),
  },
  {
    name: "operations",
    section: "The system",
    summary: "Long-running operations",
    load: () => import("./commands/operations.ts"),
  },

  {
    name: "start",
    section: "Running it",
    summary: "Start everything on this machine",
    load: () => import("./commands/start.ts"),
  },
  { name: "serve", section: "Running it", summary: "Run the API", load: () => import("./commands/serve.ts") },
  {
    name: "migrate",
    section: "Running it",
    summary: "Bring the database's roles and schema up to date",
    load: () => import("./commands/migrate.ts"),
  },
  {
    name: "bootstrap",
    section: "Running it",
    summary: "Make an operator, or let one in again, straight in the database",
    load: () => import("./commands/bootstrap.ts"),
  },
  {
    name: "doctor",
    section: "Running it",
    summary: "Look whether this machine and its database are ready to serve",
    load: () => import("./commands/doctor.ts"),
  },

  { name: "api", section: "More", summary: "Call any path of the API", load: () => import("./commands/api.ts") },
  {
    name: "completion",
    section: "More",
    summary: "Shell completion for bash, zsh and fish",
    load: () => import("./commands/completion.ts"),
  },
  {
    name: "complete",
    section: "More",
    hidden: true,
    summary: "What may come next, for the completion scripts",
    load: () => import("./commands/complete.ts"),
  },
  { name: "version", section: "More", summary: "Show the version", load: () => import("./commands/version.ts") },
] as const satisfies readonly TableEntry[];

/** The same, without their modules' exact types. */
export const entries: readonly TableEntry[] = commandTable;

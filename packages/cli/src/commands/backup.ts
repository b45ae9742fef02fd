import { expiresAfterFlag, identityFlag, recipientFlags, repositoryFlag } from "../backup/flags.ts";
import { stallTimeoutFlag } from "../backup/stall-timeout.ts";
import { type Command, defineCommands } from "../command.ts";

const jsonLogFlag = { flags: "--json-log", help: "Progress as JSON lines on standard error" } as const;

const statuses = ["active", "suspended", "cancelled", "deleted"] as const;

const backup = {
  covers: [
    "backups.archive",
    "backups.archives",
    "backups.systemArchive",
    "backups.acquire",
    "backups.renew",
    "backups.release",
    "backups.report",
  ],
  description: [
    "All tenants, suspended, cancelled and softly deleted ones too, several at once, into a folder of the run's own:",
    "<repo>/<run>/<slug>.tar, or .tar.age where there are recipients, and system.tar with what belongs to no tenant",
    "(docs/archive-format.md). A file is there whole or not at all, and was verified as it came.",
    "run.json, with each file's SHA-256, is written last: a folder without it is no backup.",
    "What is transient is tried three times. A tenant that fails is named and the others go on (exit 3); one that is",
    "deleted for good meanwhile is named and is no failure. A second run at the same time ends with exit 11.",
  ].join(" "),
  flags: [
    repositoryFlag,
    { flags: "--tenant <tenant...>", help: "Only this tenant, by id or slug; may be given several times" },
    { flags: "--status <status>", help: "Only tenants in this status", choices: statuses },
    { flags: "--concurrency <n>", help: "How many tenants at once, up to 32 (4 unless said)" },
    ...recipientFlags,
    expiresAfterFlag,
    { flags: "--resume", help: "Go on with the newest unfinished run: its finished files are hashed again and kept" },
    { flags: "--ping-url <url>", help: "Call <url>/start, and <url>/<exit code> at the end" },
    jsonLogFlag,
    stallTimeoutFlag,
  ],
  run: async (invocation) => (await import("../backup/backup-command.ts")).run(invocation),
} as const satisfies Partial<Command>;

export const commands = defineCommands([
  {
    ...backup,
    path: ["backup"],
    summary: "Back up all tenants, or some",
    examples: [
      "backup",
      "backup --repo /var/backups/tenants --recipients-file /etc/tenantctl/recipients",
      "backup --expires-after 35d",
      "backup --tenant acme --tenant globex",
      "backup --resume",
    ],
  },
  {
    ...backup,
    path: ["backup-all"],
    summary: "Back up all tenants: another name of backup",
    examples: ["backup-all", "backup-all --repo /var/backups/tenants"],
  },
  {
    path: ["backup", "list"],
    summary: "List the runs of a repository",
    description: "Read from the repository alone. A run that never finished is no backup, and is shown as unfinished.",
    flags: [repositoryFlag, { flags: "--tenant <tenant>", help: "Only runs that hold this tenant" }],
    run: async (invocation) => (await import("../backup/list-command.ts")).list(invocation),
    examples: ["backup list --repo /var/backups/tenants", "backup list --tenant acme"],
  },
  {
    path: ["backup", "show"],
    summary: "Show the files of a run",
    positional: [
      { name: "run", optional: true, help: "A run by its folder's name; the newest finished one unless said" },
    ],
    flags: [repositoryFlag],
    run: async (invocation) => (await import("../backup/list-command.ts")).show(invocation),
    examples: ["backup show", "backup show 20261123T023000Z-1a2b --repo /var/backups/tenants"],
  },
  {
    path: ["backup", "status"],
    covers: ["backups.status"],
    summary: "Show when each tenant was last backed up, verified and restored in a drill",
    description:
      "From what runs reported to the API; with --repo from the repository alone. Exit 10 when a tenant has no backup of the last 26 hours (or --max-age), counted from its creation where it has none.",
    flags: [
      { ...repositoryFlag, help: "Read this repository instead of asking the API" },
      { flags: "--max-age <duration>", help: "How old the newest backup may be, such as 26h or 7d (26h unless said)" },
    ],
    run: async (invocation) => (await import("../backup/status-command.ts")).run(invocation),
    examples: ["backup status", "backup status --max-age 7d", "backup status --repo /mnt/offsite/tenants"],
  },
  {
    path: ["backup", "runs"],
    route: "backups.runs",
    summary: "List the backups, verifications and drills that were reported to the API",
    columns: [
      { key: "runId", title: "run" },
      { key: "kind" },
      { key: "startedAt", title: "started", as: "time" },
      { key: "ok", as: "count" },
      { key: "failed", as: "count" },
      { key: "bytes", title: "size", as: "bytes", drop: 2 },
      { key: "exitCode", title: "exit", as: "count", drop: 1 },
      { key: "expiresAt", title: "expires", as: "time", drop: 2 },
      { key: "host", drop: 3 },
      { key: "repository", flex: true, drop: 4 },
    ],
    empty: "no run was reported yet",
    examples: ["backup runs", "backup runs acme --kind drill", "backup runs acme --holding"],
  },
  {
    path: ["backup", "verify"],
    summary: "Read backups back and find what is damaged",
    description: [
      "Works without the API. Every stored byte is held against the run's record; what is not encrypted, or is opened by",
      "--identity-file, is looked into part by part: counts, digests, order. Exit 10 names each file and part that is not",
      "what the run wrote. The result is kept beside the run and reported to the API where there is a login.",
    ].join(" "),
    positional: [{ name: "run", optional: true, help: "A run; the newest finished one unless said" }],
    flags: [
      repositoryFlag,
      { flags: "--latest", help: "The newest finished run" },
      { flags: "--all", help: "Every run" },
      { flags: "--tenant <tenant...>", help: "Only this tenant's files, by id or slug" },
      identityFlag,
      jsonLogFlag,
    ],
    run: async (invocation) => (await import("../backup/verify-command.ts")).run(invocation),
    examples: [
      "backup verify",
      "backup verify --all --identity-file key.txt",
      "backup verify --repo /mnt/offsite/tenants",
    ],
  },
  {
    path: ["backup", "drill"],
    summary: "Restore backups into a throwaway database and compare",
    description: [
      "Each archive is restored from its own DDL and every table's digest compared, with the time that it took. It runs in an",
      "embedded PostgreSQL that is removed afterwards, or in an empty database that --scratch-url names and that is left as",
      "it was. Without names the system archive and three tenants at random. A drill that fails is recorded, exit 10.",
    ].join(" "),
    positional: [
      {
        name: "tenant",
        label: "tenant...",
        optional: true,
        help: "Tenants by id or slug; system is the system archive",
      },
    ],
    flags: [
      repositoryFlag,
      { flags: "--run <run>", help: "From this run; the newest finished one unless said" },
      { flags: "--sample <n>", help: "So many tenants at random (3 unless said)" },
      identityFlag,
      { flags: "--scratch-url <url>", help: "An empty database to drill in; without a password in it" },
      { flags: "--scratch-url-file <path>", help: "File with the address of an empty database to drill in" },
    ],
    run: async (invocation) => (await import("../backup/drill-command.ts")).run(invocation),
    examples: ["backup drill", "backup drill acme --identity-file key.txt", "backup drill --sample 10"],
  },
  {
    path: ["backup", "prune"],
    covers: ["holds.list"],
    summary: "Remove old backups",
    description: [
      "For each tenant the newest backup of so many days, weeks and months (UTC) stays, unless it has expired. Expired or not,",
      "its newest and its newest verified one stay while the tenant is not purged, and all of them while it is under a legal",
      "hold (which is asked of the API). Unfinished runs go after a day.",
    ].join(" "),
    flags: [
      repositoryFlag,
      { flags: "--keep-daily <n>", help: "Keep the newest of so many days" },
      { flags: "--keep-weekly <n>", help: "Keep the newest of so many weeks" },
      { flags: "--keep-monthly <n>", help: "Keep the newest of so many months" },
      { flags: "--expired", help: "In place of numbers: remove only what has expired" },
      { flags: "--dry-run", help: "Only say what would go" },
      { flags: "--assume-no-holds", help: "Do without the API: no tenant is under a legal hold, none was purged" },
    ],
    run: async (invocation) => (await import("../backup/prune-command.ts")).run(invocation),
    examples: [
      "backup prune --keep-daily 7 --keep-weekly 5 --keep-monthly 12 --dry-run",
      "backup prune --keep-daily 30",
      "backup prune --expired",
    ],
  },
  {
    path: ["backup", "schedule"],
    summary: "Print a crontab line or systemd units that back up every day",
    description:
      "All paths are absolute and the environment is said, as cron and systemd need it. Nothing is installed.",
    flags: [
      { flags: "--cron", help: "A line for `crontab -e`" },
      { flags: "--systemd", help: "A service and its timer" },
      { flags: "--at <time>", help: "When, in the machine's time zone (02:30 unless said)" },
      repositoryFlag,
      { flags: "--token-file <path>", help: "File with the token (TENANTCTL_TOKEN_FILE unless said)" },
      ...recipientFlags,
      expiresAfterFlag,
      { flags: "--ping-url <url>", help: "As for backup" },
    ],
    run: async (invocation) => (await import("../backup/schedule-command.ts")).run(invocation),
    examples: [
      "backup schedule --cron --repo /var/backups/tenants --token-file /etc/tenantctl/token",
      "backup schedule --systemd --at 03:15 --token-file /etc/tenantctl/token",
    ],
  },
]);

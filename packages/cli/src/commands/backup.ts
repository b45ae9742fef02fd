import { recipientFlags, repositoryFlag } from "../backup/flags.ts";
import { stallTimeoutFlag } from "../backup/stall-timeout.ts";
import { type Command, defineCommands } from "../command.ts";

const statuses = ["active", "suspended", "cancelled", "deleted"] as const;

const backup = {
  covers: [
    "backups.archive",
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
    { flags: "--resume", help: "Go on with the newest unfinished run: its finished files are hashed again and kept" },
    { flags: "--ping-url <url>", help: "Call <url>/start, and <url>/<exit code> at the end" },
    { flags: "--json-log", help: "Progress as JSON lines on standard error" },
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
]);

import { stallTimeoutFlag } from "../backup/stall-timeout.ts";
import { defineCommands } from "../command.ts";
import type { Column } from "../output/column.ts";

/** The audit log's rows, in `audit` and `logs`. */
export const auditColumns = [
  { key: "at", title: "at", as: "time" },
  { key: "actor.name", title: "actor", flex: true },
  { key: "action" },
  { key: "resourceType", title: "what", drop: 2 },
  { key: "outcome", as: "status", drop: 1 },
  { key: "detail", flex: true, drop: 3 },
  { key: "occurrences", title: "times", as: "count", drop: 4 },
  { key: "address", drop: 5 },
  { key: "tenantId", title: "tenant", drop: 6 },
  { key: "resourceId", title: "which", flex: true, drop: 7 },
  { key: "requestId", title: "request", drop: 8 },
] as const satisfies readonly Column[];

export const commands = defineCommands([
  {
    path: ["audit"],
    route: "audit.list",
    columns: auditColumns,
    empty: "nothing in the audit log matches",
    examples: [
      "audit --limit 50",
      "audit acme --action login --since 24h",
      "audit acme --action create --resource-type customer -o csv",
      "audit --actor ann@acme.com --since 7d -o jsonl",
    ],
  },
  {
    path: ["audit", "verify"],
    route: "audit.verify",
    summary: "Prove that the audit log is as it was written",
    description: [
      "Checks every row against its seal, and every chain of seals against where it ended; exit 10 names the first bad row of a chain.",
      "With --checkpoints, also against what left the database: only that shows a chain that was sealed anew with the key.",
    ].join(" "),
    flags: [{ flags: "--checkpoints <file>", help: "A file that checkpoints were appended to" }, stallTimeoutFlag],
    run: async (invocation) => (await import("../audit/verify-command.ts")).run(invocation),
    examples: [
      "audit verify",
      "audit verify acme",
      "audit verify --checkpoints /mnt/elsewhere/checkpoints.jsonl",
      "audit verify --since 24h -o json",
    ],
  },
  {
    path: ["audit", "checkpoint"],
    covers: ["audit.checkpoint"],
    summary: "Sign where each chain of the audit log ends, to keep away from the database",
    description:
      "With -f, what was sealed since the file's last checkpoint is appended to it, and the disk has it when this ends.",
    flags: [{ flags: "-f, --file <path>", help: "Append to this file; - is standard output" }, stallTimeoutFlag],
    run: async (invocation) => (await import("../audit/checkpoint-command.ts")).run(invocation),
    examples: ["audit checkpoint -f /mnt/elsewhere/checkpoints.jsonl", "audit checkpoint"],
  },
  {
    path: ["audit", "key"],
    route: "audit.key",
    examples: ["audit key", "audit key -o json"],
  },
  {
    path: ["audit", "export"],
    route: "audit.export",
    summary: "Export the audit log as JSON lines or CSV",
    description:
      "Complete, oldest first, from one consistent snapshot. With -f the file appears only when it is whole. -o csv, or a file that ends in .csv, is CSV with formulas neutralised.",
    flags: [{ flags: "-f, --file <path>", help: "Write to this file; - is standard output" }, stallTimeoutFlag],
    run: async (invocation) => (await import("../audit/export-command.ts")).run(invocation),
    examples: [
      "audit export -f audit.jsonl",
      "audit export acme --since 30d -f acme.csv",
      "audit export --until 2026-12-01T00:00:00Z | gzip > audit.jsonl.gz",
    ],
  },
  {
    path: ["audit", "tail"],
    route: "audit.tail",
    summary: "Show the newest rows of the audit log, and follow it",
    description: "With --follow every row comes once, however late it was committed, and over restarts of the API.",
    flags: [{ flags: "--follow", help: "Go on with what is written from now on; Ctrl-C ends it" }],
    run: async (invocation) => (await import("../audit/tail-command.ts")).run(invocation),
    examples: ["audit tail", "audit tail --follow", "audit tail acme --follow -o jsonl", "audit tail --limit 50"],
  },
  {
    path: ["audit", "retention"],
    route: "audit.retention",
    shown: ["months", "before", "rows", "obstacles", "droppedBefore"],
    examples: ["audit retention", "audit retention --months 24"],
  },
  {
    path: ["audit", "retention", "apply"],
    route: "audit.drop",
    confirm: { question: "Drop the old months of the audit log for good?", reversible: false },
    shown: ["months", "before", "rows", "obstacles", "dropped"],
    done: ({ dropped, rows, before }) =>
      dropped === true ? `dropped ${String(rows)} rows from before ${String(before)}.` : "nothing is old enough to go.",
    examples: ["audit retention apply --dry-run", "audit retention apply --months 24 --yes"],
  },
]);

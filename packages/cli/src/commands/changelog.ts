import { defineCommands } from "../command.ts";

export const commands = defineCommands([
  {
    path: ["changelog"],
    route: "changelog.list",
    columns: [
      { key: "at", title: "date", as: "time" },
      { key: "change", flex: true },
      { key: "operator", flex: true },
      { key: "source", drop: 2 },
      { key: "slug", title: "tenant", drop: 1 },
    ],
    empty: "no change in this time",
    description:
      "From the audit log what changed the system or a tenant, and what was written down by hand; newest first. With --markdown it is a table for a document.",
    flags: [{ flags: "--markdown", help: "Print a Markdown table: Date | Change | Operator" }],
    run: async (invocation) => (await import("../changelog/print-changes.ts")).printChanges(invocation),
    examples: [
      "changelog",
      "changelog --since 7d",
      "changelog acme --since 2026-11-01 --until 2026-12-01",
      "changelog --since 30d --markdown > CHANGES.md",
    ],
  },
  {
    path: ["changelog", "add"],
    route: "changelog.add",
    positional: [{ name: "change", label: "text" }],
    shown: ["at", "change", "operator", "slug"],
    cells: [
      { key: "at", title: "date", as: "time" },
      { key: "slug", title: "tenant", none: "the system" },
    ],
    done: () => "written down.",
    examples: [
      "changelog add 'Initial operator guide' --date 2025-12-01",
      "changelog add 'Database moved to the new disk' --date 2h",
      "changelog add 'New contract signed' --tenant acme",
    ],
  },
]);

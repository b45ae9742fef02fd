import { defineCommands } from "../command.ts";
import type { Column } from "../output/column.ts";

/** The audit log's rows, in `audit` and `logs`. */
export const auditColumns = [
  { key: "at", title: "at", as: "time" },
  { key: "actor.name", title: "actor", flex: true },
  { key: "action" },
  { key: "resourceType", title: "what" },
  { key: "outcome", as: "status" },
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
]);

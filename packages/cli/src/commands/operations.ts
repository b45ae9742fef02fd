import { defineCommands, type Positional } from "../command.ts";

const operation = [{ name: "id", label: "operation" }] as const satisfies readonly Positional[];

export const commands = defineCommands([
  {
    path: ["operations", "list"],
    route: "operations.list",
    columns: [
      { key: "kind" },
      { key: "tenantSlug", title: "tenant", flex: true },
      { key: "status", as: "status" },
      { key: "requestedBy", title: "by", flex: true, drop: 2 },
      { key: "createdAt", title: "asked for", as: "time", drop: 3 },
      { key: "finishedAt", title: "ended", as: "time", drop: 1 },
      { key: "id", drop: 4 },
    ],
    examples: ["operations list", "operations list --status running"],
  },
  {
    path: ["operations", "show"],
    route: "operations.get",
    positional: operation,
    examples: ["operations show 01890000-0000-7000-8000-000000000006"],
  },
  {
    path: ["operations", "cancel"],
    route: "operations.cancel",
    positional: operation,
    confirm: { question: "Stop the operation %s?", reversible: true },
    done: () => "it stops after its current batch.",
    examples: ["operations cancel 01890000-0000-7000-8000-000000000006"],
  },
]);

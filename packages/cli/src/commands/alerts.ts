import { defineCommands, type Positional } from "../command.ts";

const alert = [{ name: "id", label: "alert" }] as const satisfies readonly Positional[];

export const commands = defineCommands([
  {
    path: ["alerts", "list"],
    route: "alerts.list",
    columns: [
      { key: "severity", as: "severity" },
      { key: "status", as: "status" },
      { key: "tenantSlug", title: "tenant", flex: true },
      { key: "summary", flex: true },
      { key: "lastSeenAt", title: "last seen", as: "time", drop: 2 },
      { key: "next", flex: true, drop: 3 },
      { key: "id", drop: 1 },
    ],
    examples: ["alerts list", "alerts list acme --status all", "alerts list -o json"],
  },
  {
    path: ["alerts", "acknowledge"],
    route: "alerts.acknowledge",
    positional: alert,
    done: () => "it is yours; resolve it when it is done.",
    examples: ["alerts acknowledge 01890000-0000-7000-8000-000000000005 --note 'looking into it'"],
  },
  {
    path: ["alerts", "resolve"],
    route: "alerts.resolve",
    positional: alert,
    done: () => "resolved.",
    examples: ["alerts resolve 01890000-0000-7000-8000-000000000005 --note 'plan upgraded'"],
  },
]);

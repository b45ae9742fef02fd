import { defineCommands } from "../command.ts";

export const commands = defineCommands([
  {
    path: ["placement", "list"],
    route: "placements.list",
    positional: [
      { name: "tenantId", label: "tenant", names: "tenant", optional: true, help: "Only where this tenant is" },
    ],
    empty: "no tables are split over the nodes",
    columns: [
      { key: "node", flex: true },
      { key: "shard" },
      { key: "tenants", as: "count" },
      { key: "bytes", title: "weight", as: "bytes" },
    ],
    examples: ["placement list", "placement list acme", "placement list -o json"],
  },
]);

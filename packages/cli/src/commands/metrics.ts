import { defineCommands } from "../command.ts";

export const commands = defineCommands([
  {
    path: ["metrics"],
    route: "metrics.get",
    cells: [{ key: "bytes", as: "bytes" }],
    examples: ["metrics", "metrics acme --since 7d --step-minutes 1440", "metrics acme -o json"],
  },
]);

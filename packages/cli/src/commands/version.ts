import { version } from "@tenantctl/contract";
import { defineCommands } from "../command.ts";

export const commands = defineCommands([
  {
    path: ["version"],
    summary: "Show the version of tenantctl",
    description: "`tenantctl status` shows the API's.",
    run: async ({ out }) => {
      const text = JSON.stringify({ version, node: process.versions.node });
      await out.record(text, { cells: [], properties: ["version", "node"] });
      return 0;
    },
    examples: ["version", "version -o json"],
  },
]);

import { defineCommands } from "../command.ts";
import { candidates } from "../completion.ts";

export const commands = defineCommands([
  {
    path: ["complete"],
    hidden: true,
    summary: "What may come next, for the completion scripts",
    run: async ({ args, out }) => {
      out.text((await candidates(args)).map(({ word, help }) => `${word}\t${help}`).join("\n"));
      return 0;
    },
    examples: ["complete -- users l"],
  },
]);

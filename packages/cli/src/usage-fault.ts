import type { CommanderError } from "commander";
import { type CliError, usage } from "./cli-error.ts";

/** A mistake in the command line as one of ours: exit 2, commander's suggestion as the next step. */
export const usageFault = (error: CommanderError, argv: readonly string[], word: string | undefined): CliError => {
  const [first = "", ...rest] = error.message.replace(/^error: /, "").split("\n");
  const suggestion = /^\(Did you mean (.*)\?\)$/.exec(rest.join(" ").trim())?.[1];
  const path = argv.filter((argument) => !argument.startsWith("-")).slice(0, word === undefined ? 0 : 1);
  const help = `\`${["tenantctl", ...path, "--help"].join(" ")}\` shows what there is.`;
  // A group without its command prints its help; say what is missing instead.
  if (error.code === "commander.help") return usage(`${path.join(" ")}: say which command`, help);
  return usage(first, suggestion === undefined ? help : `Did you mean ${suggestion}? ${help}`);
};

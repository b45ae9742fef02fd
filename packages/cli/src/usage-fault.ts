import type { Command, CommanderError } from "commander";
import { type CliError, usage } from "./cli-error.ts";

/** The names of the commands that were meant, as far as there are such: `users`, `create`. */
const pathIn = (program: Command, words: readonly string[]): string[] => {
  const [word, ...rest] = words;
  const command = program.commands.find((one) => one.name() === word);
  return command === undefined ? [] : [command.name(), ...pathIn(command, rest)];
};

/** Said by habit, from other tools. */
const habits: Readonly<Record<string, string>> = { "--json": "-o json", "--yaml": "-o yaml", "--csv": "-o csv" };

/**
 * A mistake in the command line as one of ours: exit 2, commander's suggestion as the next step. `words` are those of
 * the command line that are no flags.
 */
export const usageFault = (error: CommanderError, program: Command, words: readonly string[]): CliError => {
  const [first = "", ...rest] = error.message.replace(/^error: /, "").split("\n");
  const path = pathIn(program, words);
  const suggestion =
    habits[/^unknown option '(--\w+)/.exec(first)?.[1] ?? ""] ??
    /^\(Did you mean (.*)\?\)$/.exec(rest.join(" ").trim())?.[1];
  const help = `\`${["tenantctl", ...path, "--help"].join(" ")}\` shows what there is.`;
  // A group without its command prints its help; say what is missing instead.
  if (error.code === "commander.help") return usage(`${path.join(" ")}: say which command`, help);
  return usage(first, suggestion === undefined ? help : `Did you mean ${suggestion}? ${help}`);
};

import type { Option } from "commander";
import type { Command } from "./command.ts";
import { entries } from "./command-table.ts";
import { buildProgram } from "./program.ts";

export interface Candidate {
  readonly word: string;
  readonly help: string;
}

const flagCandidates = (options: readonly Option[]): Candidate[] =>
  options
    .filter(({ hidden }) => !hidden)
    .map(({ long, short, description }) => ({ word: long ?? short ?? "", help: description }));

const isLeading =
  (names: readonly string[]) =>
  ({ path }: Command): boolean =>
    names.every((name, index) => path[index] === name);

/** The words that may follow; the last one given is the one being typed, and may be empty. */
export const candidates = async (words: readonly string[]): Promise<Candidate[]> => {
  const current = words.at(-1) ?? "";
  const before = words.slice(0, -1);
  const starting = (found: readonly Candidate[]): Candidate[] => found.filter(({ word }) => word.startsWith(current));
  const [name, verb] = before.filter((word) => !word.startsWith("-"));
  const entry = entries.find((candidate) => candidate.name === name);
  if (entry === undefined)
    return starting(
      entries.filter(({ hidden }) => hidden !== true).map(({ name: word, summary: help }) => ({ word, help })),
    );
  const { commands }: { commands: readonly Command[] } = await entry.load();
  const group = commands.filter(isLeading([entry.name]));
  const program = await buildProgram(entry.name, { exit: 0 }, verb);
  const top = program.commands.find((command) => command.name() === entry.name);
  const verbs = group.flatMap(({ path, summary = "" }) =>
    path[1] === undefined ? [] : [{ word: path[1], help: summary }],
  );
  const named = top?.commands.find((command) => command.name() === verb);
  const leaf = named ?? (group.some(({ path }) => path.length === 1) ? top : undefined);
  if (leaf === undefined || (verbs.length > 0 && verb === undefined && !current.startsWith("-")))
    return starting(
      top === undefined || top.commands.length === 0
        ? verbs
        : top.commands.map((command) => ({ word: command.name(), help: command.summary() })),
    );
  const options = [...leaf.options, ...program.options];
  const previous = options.find(({ long, short }) => [long, short].includes(before.at(-1)));
  if (previous?.argChoices !== undefined) return starting(previous.argChoices.map((word) => ({ word, help: "" })));
  return current.startsWith("-") ? starting(flagCandidates(options)) : [];
};

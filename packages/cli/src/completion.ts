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
  const [name, ...verbs] = before.filter((word) => !word.startsWith("-"));
  const entry = entries.find((candidate) => candidate.name === name);
  if (entry === undefined)
    return starting(
      entries.filter(({ hidden }) => hidden !== true).map(({ name: word, summary: help }) => ({ word, help })),
    );
  const { commands }: { commands: readonly Command[] } = await entry.load();
  const program = await buildProgram(entry.name, { exit: 0 }, verbs);
  // As far down as the words are names of commands.
  let at = program.commands.find((command) => command.name() === entry.name);
  const path: string[] = [entry.name];
  for (const verb of verbs) {
    const next = at?.commands.find((command) => command.name() === verb);
    if (next === undefined) break;
    at = next;
    path.push(verb);
  }
  if (at === undefined) return [];
  const isOnlyGroup = at.commands.length > 0;
  const below = isOnlyGroup
    ? at.commands.map((command) => ({ word: command.name(), help: command.summary() }))
    : // Each word once: `errors` and `errors show` begin alike.
      [...new Set(commands.filter(isLeading(path)).flatMap(({ path: whole }) => whole[path.length] ?? []))].map(
        (word) => ({
          word,
          help: commands.find(({ path: whole }) => whole.join(" ") === [...path, word].join(" "))?.summary ?? "",
        }),
      );
  const isNamed = verbs.length >= path.length;
  if (isOnlyGroup || (below.length > 0 && !isNamed && !current.startsWith("-"))) return starting(below);
  const options = [...at.options, ...program.options];
  const previous = options.find(({ long, short }) => [long, short].includes(before.at(-1)));
  if (previous?.argChoices !== undefined) return starting(previous.argChoices.map((word) => ({ word, help: "" })));
  return current.startsWith("-") ? starting(flagCandidates(options)) : [];
};

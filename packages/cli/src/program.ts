import { type RouteShape, routes } from "@tenantctl/contract";
import { Argument, Command as Commander, Option } from "commander";
import { type Field, fieldsOf } from "./arguments/field.ts";
import { gather } from "./arguments/gather.ts";
import { inTypedWords } from "./arguments/request-words.ts";
import { secretFlags } from "./arguments/secrets.ts";
import { slotsOf, usageOf } from "./arguments/slots.ts";
import type { Command } from "./command.ts";
import { entries } from "./command-table.ts";
import type { Invocation } from "./invocation.ts";
import { createOutput } from "./output/output.ts";
import { createAsker } from "./prompt/asker.ts";
import { runRoute } from "./run-route.ts";
import { createApi } from "./session/api.ts";
import { resolveTarget } from "./session/target.ts";
import { globalFlags, outputFormats, settingsFrom } from "./settings.ts";

/** What a leaf's action leaves behind: the exit code. */
export interface Outcome {
  exit: number;
}

const placeholders: Readonly<Record<Field["kind"], string>> = {
  text: "text",
  integer: "n",
  number: "n",
  duration: "duration",
  boolean: "",
  choice: "value",
  time: "time",
  list: "a,b",
};

/** What stands for null in the flag of a limit. */
const nullWords: Readonly<Partial<Record<Field["kind"], string>>> = {
  integer: "unlimited",
  number: "none",
  duration: "never",
};

const optionFor = (field: Field, alias: string | undefined): Option => {
  const long = alias === undefined ? `--${field.flag}` : `--${alias}, --${field.flag}`;
  if (field.kind === "boolean") return new Option(long, field.help);
  const label =
    field.nullable && nullWords[field.kind] !== undefined
      ? `${placeholders[field.kind]}|${nullWords[field.kind]}`
      : field.flag === "tenant"
        ? "tenant"
        : placeholders[field.kind];
  const note = field.kind === "time" ? " (a time, or a duration such as 24h or 7d)" : "";
  const option = new Option(`${long} <${label}>`, field.help + note);
  if (field.kind === "choice") option.choices(field.choices);
  if (field.kind === "list") option.argParser((text: string, earlier: string[] = []) => [...earlier, text]);
  return option;
};

/** The flags of a command that are made from its route's schemas. */
export const optionsOf = (command: Command): Option[] => {
  const id = command.tenantRoute ?? command.route;
  const shape: RouteShape | undefined = id === undefined ? undefined : routes[id];
  const fields = shape === undefined ? [] : fieldsOf(shape, command.secrets);
  const positional = new Set(
    slotsOf(command, shape)
      .filter(({ leading }) => !leading)
      .map(({ name }) => name),
  );
  const flagged = fields.filter(
    ({ name, secret, place }) =>
      !secret && place !== "params" && !positional.has(name) && !Object.hasOwn(command.fixed ?? {}, name),
  );
  const options = flagged.flatMap((field) => {
    const option = optionFor(field, command.aliases?.[field.name]);
    const patched = shape?.method === "PATCH" && field.kind === "boolean" && field.place === "body";
    return patched ? [option, new Option(`--no-${field.flag}`, `The opposite of --${field.flag}`)] : [option];
  });
  const own = (command.flags ?? []).map(({ flags, help, choices }) => {
    const option = new Option(flags, help);
    return choices === undefined ? option : option.choices([...choices]);
  });
  const secrets = secretFlags(fields.filter(({ secret }) => secret)).map(({ flags, help }) => new Option(flags, help));
  const retry = shape?.idempotencyKey
    ? [new Option("--idempotency-key <key>", "The same key and answers give the same tenant, however often it is run")]
    : [];
  return [...options, ...secrets, ...own, ...retry];
};

const act = async (command: Command, leaf: Commander, outcome: Outcome): Promise<void> => {
  const flags: Readonly<Record<string, unknown>> = leaf.optsWithGlobals();
  const settings = settingsFrom(flags, process.env, process);
  const out = createOutput(settings);
  const ask = createAsker(settings.interactive);
  let api: ReturnType<Invocation["api"]> | undefined;
  let gathered: ReturnType<Invocation["gathered"]> | undefined;
  const invocation: Invocation = {
    command,
    settings,
    args: leaf.args,
    flags,
    out,
    ask,
    api: () => {
      api ??= resolveTarget(settings).then((target) => createApi(target, out.note));
      return api;
    },
    gathered: () => {
      gathered ??= gather({ command, args: leaf.args, flags, ask, api: invocation.api });
      return gathered;
    },
  };
  try {
    outcome.exit = await (command.run ?? runRoute)(invocation);
  } catch (error) {
    throw inTypedWords(error, command);
  }
};

const summaryOf = (command: Command): string =>
  command.summary ?? (command.route === undefined ? "" : routes[command.route].summary);

const addLeaf = (parent: Commander, command: Command, outcome: Outcome): Commander => {
  const shape: RouteShape | undefined =
    command.route === undefined ? undefined : routes[command.tenantRoute ?? command.route];
  const slots = slotsOf(command, shape);
  const leaf = parent.command(command.path.at(-1) ?? "", { hidden: command.hidden === true });
  const description = command.description ?? shape?.description;
  leaf
    .helpOption("-h, --help", "Show this help")
    .summary(summaryOf(command))
    .description(description === undefined ? `${summaryOf(command)}.` : `${summaryOf(command)}.\n${description}`)
    .argument("[args...]")
    .usage([usageOf(slots), "[flags]"].filter((part) => part !== "").join(" "))
    .configureHelp({
      ...helpStyle,
      visibleArguments: () =>
        slots.map(
          (slot) =>
            new Argument(
              slot.optional ? `[${slot.label ?? slot.name}]` : `<${slot.label ?? slot.name}>`,
              slot.help ?? helpOf(shape, slot.name),
            ),
        ),
      argumentTerm: (argument) => argument.name(),
    })
    .addHelpText("after", `\nExamples:\n${command.examples.map((example) => `  $ tenantctl ${example}`).join("\n")}`)
    .action(() => act(command, leaf, outcome));
  for (const option of optionsOf(command)) leaf.addOption(option);
  return leaf;
};

const helpOf = (shape: RouteShape | undefined, name: string): string =>
  shape === undefined ? "" : (fieldsOf(shape).find((field) => field.name === name)?.help ?? "");

const titles: Readonly<Record<string, string>> = { "Options:": "Flags:", "Global Options:": "Flags of every command:" };

const helpStyle = {
  // Beside the longest flag a terminal of 60 columns leaves less than what commander wraps by itself.
  minWidthToWrap: 20,
  showGlobalOptions: true,
  sortOptions: false,
  styleTitle: (title: string): string => titles[title] ?? title,
  subcommandTerm: (command: Commander): string =>
    `${command.name()} ${command.usage().replace(/ ?\[flags\]$/, "")}`.trim(),
  optionDescription: ({ description, argChoices }: Option): string =>
    argChoices === undefined || argChoices.every((choice) => description.includes(choice))
      ? description
      : `${description}: ${argChoices.join(", ")}`,
};

/** A group's help lists its commands; the flags stand in theirs. */
const groupStyle = { ...helpStyle, showGlobalOptions: false, visibleOptions: (): Option[] => [] };

/** A command with commands of its own (`backup`, `backup list`): its help names them. */
const ownCommands = (own: readonly Command[], depth: number): string => {
  const rows = own
    .filter(({ path }) => path.length > depth)
    .map((command) => [command.path.join(" "), summaryOf(command)]);
  const widest = Math.max(0, ...rows.map(([term = ""]) => term.length));
  return rows.length === 0
    ? ""
    : `\nCommands:\n${rows.map(([term = "", text]) => `  ${term.padEnd(widest)}  ${text}`).join("\n")}`;
};

/** A command's or a group's name, what it is about, and all commands whose path begins with that name's path. */
interface Node {
  readonly name: string;
  readonly summary: string;
  readonly hidden: boolean;
  readonly own: readonly Command[];
  /** Words of the path up to here, the name included. */
  readonly depth: number;
}

/** What stands below a group: each next word once. */
const childrenOf = ({ own, depth }: Node): Node[] => {
  const words = [...new Set(own.flatMap(({ path }) => path[depth] ?? []))];
  return words.map((name) => {
    const below = own.filter(({ path }) => path[depth] === name);
    const itself = below.find(({ path }) => path.length === depth + 1);
    const verbs = below.flatMap(({ path }) => path[depth + 1] ?? []);
    return {
      name,
      summary: itself === undefined ? verbs.join(", ") : summaryOf(itself),
      hidden: false,
      own: below,
      depth: depth + 1,
    };
  });
};

/** Adds a command, or a group of them; `words` are those that follow its name. */
const addNode = (parent: Commander, node: Node, words: readonly string[], outcome: Outcome): void => {
  const { name, summary, hidden, own, depth } = node;
  const itself = own.find(({ path }) => path.length === depth);
  const [next] = words;
  // One or the other, so that neither takes the other's flags.
  if (itself !== undefined && !own.some(({ path }) => path[depth] !== undefined && path[depth] === next)) {
    addLeaf(parent, itself, outcome).addHelpText("after", ownCommands(own, depth));
    return;
  }
  const group = parent
    .command(name, { hidden })
    .summary(summary)
    .description(`${summary}.`)
    .configureHelp(groupStyle)
    .helpOption("-h, --help", "Show this help");
  group.helpCommand(false).usage("<command> [flags]");
  const examples = own.flatMap((command) => command.examples.slice(0, 1)).slice(0, 4);
  group.addHelpText("after", `\nExamples:\n${examples.map((example) => `  $ tenantctl ${example}`).join("\n")}`);
  for (const child of childrenOf(node)) addNode(group, child, child.name === next ? words.slice(1) : [], outcome);
};

/** The program with the one command that was asked for; all others are names, for suggestions. `words` are those after it. */
export const buildProgram = async (
  word: string | undefined,
  outcome: Outcome,
  words: readonly string[] = [],
): Promise<Commander> => {
  const program = new Commander("tenantctl")
    .usage("<command> [flags]")
    .helpCommand(false)
    .showSuggestionAfterError(true)
    .exitOverride()
    .configureOutput({ writeErr: () => undefined, outputError: () => undefined })
    .configureHelp(helpStyle);
  for (const [flags, help] of globalFlags) {
    const option = new Option(flags, help);
    program.addOption(flags.startsWith("-o") ? option.choices([...outputFormats]).default("table") : option);
  }
  for (const entry of entries) {
    if (entry.name === word) {
      const { commands }: { commands: readonly Command[] } = await entry.load();
      const own = commands.filter(({ path }) => path[0] === entry.name);
      addNode(program, { ...entry, hidden: entry.hidden === true, own, depth: 1 }, words, outcome);
    } else
      program
        .command(entry.name, { hidden: entry.hidden === true })
        .summary(entry.summary)
        .allowUnknownOption();
  }
  return program;
};

/** Words that a flag takes as its value, for finding the command's own word. */
export const takesValue = (flag: string): boolean =>
  globalFlags.some(([flags]) => flags.includes("<") && flags.split(/[ ,]+/).includes(flag));

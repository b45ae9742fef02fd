import { entries } from "./command-table.ts";
import { exitOfOutput, listenForBrokenOutput } from "./output/broken-output.ts";
import { globalFlags, settingsFrom } from "./settings.ts";
import { listenForSignals } from "./signals.ts";
import { topHelp } from "./top-help.ts";

const valueFlags = new Set<string>(
  globalFlags
    .filter(([flags]) => flags.includes("<"))
    .flatMap(([flags]) => flags.split(/[ ,]+/).filter((part) => part.startsWith("-"))),
);

/** The command's own words: those that are neither a flag nor a global flag's value. */
const wordsOf = (argv: readonly string[]): string[] =>
  argv.filter((argument, index) => !argument.startsWith("-") && !valueFlags.has(argv[index - 1] ?? ""));

/** `help users list` is `users list --help`. */
const withoutHelpWord = (argv: readonly string[]): readonly string[] =>
  argv[0] === "help" && argv.length > 1 ? [...argv.slice(1), "--help"] : argv;

/** Errors are JSON where the output is; read by hand, since it holds for mistakes in the flags themselves too. */
const wantsJson = (argv: readonly string[]): boolean =>
  argv.some(
    (argument, index) =>
      /^(-o|--output=)jsonl?$/.test(argument) ||
      (/^(-o|--output)$/.test(argument) && /^jsonl?$/.test(argv[index + 1] ?? "")),
  );

const flushed = (stream: NodeJS.WriteStream): Promise<void> =>
  new Promise((resolve) => void stream.write("", () => resolve()));

const runCommand = async (
  argv: readonly string[],
  word: string | undefined,
  words: readonly string[],
): Promise<number> => {
  const { buildProgram, CommanderError, usageFault } = await import("./common.ts");
  const outcome = { exit: 0 };
  const program = await buildProgram(word, outcome, words);
  try {
    await program.parseAsync([...argv], { from: "user" });
    return outcome.exit;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return 0;
    throw usageFault(error, program, word === undefined ? [] : [word, ...words]);
  }
};

const run = async (argv: readonly string[]): Promise<number> => {
  const [word, ...words] = wordsOf(argv);
  const asksHelp = argv.includes("--help") || argv.includes("-h");
  if (word === undefined || word === "help") {
    if (argv.includes("--version") || argv.includes("-V")) {
      const { version } = await import("./own-version.ts");
      process.stdout.write(`${version}\n`);
      return 0;
    }
    const onlyGlobals = argv.every((argument) => argument !== "" && (asksHelp || argument === "help"));
    if (argv.length === 0 || onlyGlobals) {
      process.stdout.write(`${topHelp()}\n`);
      return 0;
    }
  }
  return runCommand(argv, word !== undefined && entries.some(({ name }) => name === word) ? word : undefined, words);
};

/** The whole program: runs the command and leaves with its exit code. */
export const main = async (given: readonly string[]): Promise<void> => {
  const argv = withoutHelpWord(given);
  listenForSignals();
  listenForBrokenOutput();
  const fail = async (error: unknown): Promise<number> => {
    const { reportError } = await import("./report-error.ts");
    const { colour } = settingsFrom({ color: !argv.includes("--no-color") }, process.env, process);
    return reportError(error, wantsJson(argv), colour && process.stderr.isTTY === true);
  };
  process.on("unhandledRejection", (error) => void fail(error).then((exit) => process.exit(exit)));
  const exit = await run(argv).catch(fail);
  await Promise.all([flushed(process.stdout), flushed(process.stderr)]);
  process.exit(exitOfOutput(exit));
};

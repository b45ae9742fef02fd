import { parseArgs } from "node:util";
import { isMeasured, type Section, type Size } from "./section.ts";

export interface Options {
  readonly help: boolean;
  /** Which of the page's places the numbers belong to: "bench" or a subcommand's name. */
  readonly run: string;
  readonly size: Size;
  readonly chosen: readonly Section[];
  readonly write: boolean;
  readonly rounds: number;
  readonly seconds: number;
}

const count = (flag: string, text: string, allowed: RegExp): number => {
  if (!allowed.test(text) || Number(text) === 0) throw new Error(`${flag} takes a number above 0`);
  return Number(text);
};

const named = (list: readonly Section[], name: string): Section => {
  const found = list.find((section) => section.name === name);
  if (found === undefined)
    throw new Error(`there is no ${name} to be measured; there is ${list.map((section) => section.name).join(", ")}`);
  return found;
};

/** Reads the command line. Throws where it can't be followed. */
export const readOptions = (
  args: readonly string[],
  sections: readonly Section[],
  subcommands: readonly Section[],
): Options => {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      quick: { type: "boolean" },
      full: { type: "boolean" },
      only: { type: "string", multiple: true },
      rounds: { type: "string" },
      seconds: { type: "string" },
      write: { type: "boolean" },
      help: { type: "boolean" },
    },
  });
  const [subcommand, ...rest] = positionals;
  if (rest.length > 0) throw new Error(`one at a time: ${positionals.join(", ")}`);
  const quick = values.quick === true;
  if (quick && values.full === true) throw new Error("--quick and --full exclude each other");
  if (subcommand !== undefined && values.only !== undefined) throw new Error(`--only does not go with ${subcommand}`);
  if (values.write === true && (quick || values.only !== undefined))
    throw new Error("--write is for whole runs: not for --quick, nor for --only");
  const size = quick ? "quick" : values.full === true ? "full" : "usual";
  const chosen =
    subcommand !== undefined
      ? [named(subcommands, subcommand)]
      : (values.only?.map((name) => named(sections, name)) ?? sections);
  if (chosen.every(({ measures }) => !Object.values(measures).some((measure) => isMeasured(measure, size))))
    throw new Error(`${chosen.map(({ name }) => name).join(", ")}: only with --full`);
  return {
    help: values.help === true,
    run: subcommand ?? "bench",
    size,
    chosen,
    write: values.write === true,
    rounds: values.rounds === undefined ? (quick ? 5 : 9) : count("--rounds", values.rounds, /^\d{1,3}$/),
    seconds: values.seconds === undefined ? (quick ? 0.8 : 3) : count("--seconds", values.seconds, /^\d{1,3}(\.\d)?$/),
  };
};

export const outputFormats = ["table", "json", "jsonl", "csv", "yaml"] as const;
export type OutputFormat = (typeof outputFormats)[number];

/** What every command takes, from flags and environment. */
export interface Settings {
  readonly output: OutputFormat;
  readonly context: string | undefined;
  readonly apiUrl: string | undefined;
  readonly yes: boolean;
  /** Questions may be asked: both ends are a terminal, and neither CI nor --no-input says otherwise. */
  readonly interactive: boolean;
  readonly colour: boolean;
  readonly env: NodeJS.ProcessEnv;
}

/** The flags that every command takes, in commander's notation, with their help. */
export const globalFlags = [
  ["-o, --output <format>", "How to print: table, json, jsonl, csv or yaml"],
  ["--context <name>", "Use this context instead of the current one"],
  ["--api-url <url>", "Talk to this API"],
  ["-y, --yes", "Answer yes to confirmations (never in place of a typed slug)"],
  ["--no-input", "Never ask; a missing answer is an error"],
  ["--no-color", "No colour"],
] as const;

const isFormat = (text: unknown): text is OutputFormat => outputFormats.some((format) => format === text);

/** Settings from parsed global flags. */
export const settingsFrom = (
  flags: Readonly<Record<string, unknown>>,
  env: NodeJS.ProcessEnv,
  streams: { stdin: { isTTY?: boolean }; stdout: { isTTY?: boolean }; stderr: { isTTY?: boolean } },
): Settings => ({
  output: isFormat(flags.output) ? flags.output : "table",
  context: typeof flags.context === "string" ? flags.context : undefined,
  apiUrl: typeof flags.apiUrl === "string" ? flags.apiUrl : undefined,
  yes: flags.yes === true,
  // stdin last: to look at it makes a stream of it, which takes 2 ms of each start.
  interactive: flags.input !== false && !isSet(env.CI) && streams.stderr.isTTY === true && streams.stdin.isTTY === true,
  colour: flags.color !== false && !isSet(env.NO_COLOR) && env.TERM !== "dumb",
  env,
});

const isSet = (value: string | undefined): boolean => value !== undefined && value !== "" && value !== "false";

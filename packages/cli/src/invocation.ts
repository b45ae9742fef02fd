import type { Gathered } from "./arguments/gather.ts";
import type { Command } from "./command.ts";
import type { Output } from "./output/output.ts";
import type { Asker } from "./prompt/asker.ts";
import type { Api } from "./session/api.ts";
import type { Settings } from "./settings.ts";

/** What a command's run function is given. What costs time is made when it is first asked for. */
export interface Invocation {
  readonly command: Command;
  readonly settings: Settings;
  /** Arguments without a flag, as typed. */
  readonly args: readonly string[];
  /** Flags as typed, by their camelCase names; the command's own are read from here. */
  readonly flags: Readonly<Record<string, unknown>>;
  readonly out: Output;
  readonly ask: Asker;
  /** The API that the command talks to, with its credentials. */
  readonly api: () => Promise<Api>;
  /** The route that is meant, and its params, query and body from arguments, flags, files and prompts; a missing answer is exit 2. */
  readonly gathered: () => Promise<Gathered>;
}

/** A flag's text, or undefined where it was not given. */
export const textFlag = (flags: Readonly<Record<string, unknown>>, name: string): string | undefined => {
  const value = flags[name];
  return typeof value === "string" ? value : undefined;
};

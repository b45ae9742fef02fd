import { durationMs } from "../arguments/field-value.ts";
import { usage } from "../cli-error.ts";
import { type Invocation, textFlag } from "../invocation.ts";

const longestMs = 36_525 * 86_400_000;

export const repositoryFlag = {
  flags: "--repo <folder>",
  help: "Where runs are kept (./backups unless said)",
} as const;

export const recipientFlags = [
  { flags: "--recipient <age1...>", help: "Encrypt for this age recipient; may be given several times" },
  { flags: "--recipients-file <path>", help: "Encrypt for the age recipients in this file, one a line" },
] as const;

export const identityFlag = {
  flags: "--identity-file <path>",
  help: "File with the age identity that opens encrypted archives",
} as const;

export const expiresAfterFlag = {
  flags: "--expires-after <duration>",
  help: "Let prune remove the run after so long, such as 35d",
} as const;

/** How long after its beginning a run expires, in milliseconds; undefined where --expires-after was not given. */
export const expiresAfterOf = ({ flags }: Pick<Invocation, "flags">): number | undefined => {
  const text = textFlag(flags, "expiresAfter");
  if (text === undefined) return undefined;
  const ms = durationMs(text);
  if (ms === undefined || ms === 0 || ms > longestMs)
    throw usage(`--expires-after takes a duration such as 35d or 52w, up to 100 years, not "${text}"`);
  return ms;
};

/** The folder that --repo names. */
export const repositoryOf = ({ flags }: Pick<Invocation, "flags">): string => {
  const repository = textFlag(flags, "repo") ?? "./backups";
  if (repository === "") throw usage("--repo is empty", "Give a folder.");
  return repository;
};

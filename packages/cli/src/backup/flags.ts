import { usage } from "../cli-error.ts";
import { type Invocation, textFlag } from "../invocation.ts";

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

/** The folder that --repo names. */
export const repositoryOf = ({ flags }: Pick<Invocation, "flags">): string => {
  const repository = textFlag(flags, "repo") ?? "./backups";
  if (repository === "") throw usage("--repo is empty", "Give a folder.");
  return repository;
};

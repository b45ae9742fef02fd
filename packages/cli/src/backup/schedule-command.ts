import { accessSync, constants, realpathSync } from "node:fs";
import { homedir } from "node:os";
import { resolve } from "node:path";
import { usage } from "../cli-error.ts";
import { type Invocation, textFlag } from "../invocation.ts";
import { expiresAfterOf, repositoryOf } from "./flags.ts";
import { recipientsOf } from "./keys.ts";
import { cronLine, systemdUnits } from "./schedule.ts";

const timeOf = (flags: Invocation["flags"]): { hour: number; minute: number } => {
  const text = textFlag(flags, "at") ?? "02:30";
  const [, hour, minute] = /^([01]\d|2[0-3]):([0-5]\d)$/.exec(text) ?? [];
  if (hour === undefined || minute === undefined) throw usage(`--at takes a time such as 02:30, not "${text}"`);
  return { hour: Number(hour), minute: Number(minute) };
};

/** A program without a person has a token, and a token is in a file. */
const tokenFileOf = ({ flags, settings }: Invocation): string => {
  const file = textFlag(flags, "tokenFile") ?? settings.env.TENANTCTL_TOKEN_FILE;
  if (file === undefined || file === "")
    throw usage(
      "say where the token is: --token-file",
      "`tenantctl tokens create --name nightly --scopes backup:read -o json` makes one; its file is for its user alone (0600).",
    );
  const path = resolve(file);
  try {
    accessSync(path, constants.R_OK);
  } catch (cause) {
    throw usage(`--token-file: cannot read ${path}: ${cause instanceof Error ? cause.message : cause}`);
  }
  return path;
};

const oneLine = (text: string): string => {
  if (/[\r\n]/.test(text)) throw usage("a path with a line break fits no schedule", "Use another name.");
  return text;
};

export const run = async (invocation: Invocation): Promise<number> => {
  const { out, flags, args } = invocation;
  if (args.length > 0) throw usage("schedule takes no arguments");
  if ((flags.cron === true) === (flags.systemd === true)) throw usage("say one of --cron and --systemd");
  const repository = resolve(repositoryOf(invocation));
  const recipientsFile = textFlag(flags, "recipientsFile");
  await recipientsOf(invocation);
  const recipients = Array.isArray(flags.recipient) ? flags.recipient.map(String) : [];
  expiresAfterOf(invocation);
  const expiresAfter = textFlag(flags, "expiresAfter");
  const ping = textFlag(flags, "pingUrl");
  const { target } = await invocation.api();
  const script = process.argv[1];
  if (script === undefined) throw usage("this program does not know its own path");
  const words = [
    process.execPath,
    realpathSync(script),
    ...["backup", "--repo", repository, "--no-input"],
    ...recipients.flatMap((recipient) => ["--recipient", recipient]),
    ...(recipientsFile === undefined ? [] : ["--recipients-file", resolve(recipientsFile)]),
    ...(expiresAfter === undefined ? [] : ["--expires-after", expiresAfter]),
    ...(ping === undefined ? [] : ["--ping-url", ping]),
  ].map(oneLine);
  const env = {
    HOME: homedir(),
    TENANTCTL_API_URL: target.url,
    TENANTCTL_TOKEN_FILE: oneLine(tokenFileOf(invocation)),
  };
  const schedule = { words, env, log: oneLine(resolve(`${repository}.log`)), ...timeOf(flags) };
  out.text(flags.cron === true ? cronLine(schedule) : systemdUnits(schedule));
  return 0;
};

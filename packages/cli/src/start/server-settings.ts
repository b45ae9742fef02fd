import { usage } from "../cli-error.ts";
import type { Invocation } from "../invocation.ts";
import { textFlag } from "../invocation.ts";

/** Flags of the commands that run a server or touch its database; every other setting comes from the environment or --config. */
export const serverFlags = [
  { flags: "--port <port>", help: "Port of the API (PORT, 5000)" },
  { flags: "--host <address>", help: "Address that the API listens on (HOST, 127.0.0.1)" },
  { flags: "--data-dir <folder>", help: "Folder of the embedded PostgreSQL (TENANTCTL_DATA_DIR, .tenantctl)" },
  { flags: "--config <file>", help: "File of NAME=value lines, for what the environment does not say" },
] as const;

const flagNames = ["port", "host", "dataDir"] as const;

/** The server's settings from flags, environment and file; all faults at once, exit 2. */
export const serverSettings = async ({ flags, settings }: Invocation) => {
  const { readSettings, SettingsError } = await import("@tenantctl/server");
  const given = Object.fromEntries(
    flagNames.flatMap((name) => {
      const value = textFlag(flags, name);
      return value === undefined ? [] : [[name, value] as const];
    }),
  );
  const file = textFlag(flags, "config");
  try {
    return readSettings({ flags: given, env: settings.env, ...(file === undefined ? {} : { file }) });
  } catch (error) {
    if (error instanceof SettingsError)
      throw usage(error.message, "Correct what is named; `tenantctl serve --help` lists the settings.");
    throw error;
  }
};

/** Where the API runs with a key of its own, such a command only lacks it: nothing that it does is signed with it. */
const withoutKey = (env: NodeJS.ProcessEnv): NodeJS.ProcessEnv =>
  env.TENANTCTL_JWT_SECRET || env.TENANTCTL_JWT_SECRET_FILE
    ? env
    : { ...env, TENANTCTL_JWT_SECRET: "unused: this process issues no session" };

/** The settings of a command that works on the user's own database by itself. */
export const databaseSettings = async (invocation: Invocation) => {
  const env = withoutKey(invocation.settings.env);
  const settings = await serverSettings({ ...invocation, settings: { ...invocation.settings, env } });
  const { databaseUrl } = settings;
  if (databaseUrl === undefined) {
    throw usage(
      "DATABASE_URL is not set: this command works on the database directly.",
      "Set DATABASE_URL (or DATABASE_URL_FILE) to the user who owns the database.",
    );
  }
  return { ...settings, databaseUrl };
};

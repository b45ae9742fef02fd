import { promises as fs } from "node:fs";
import { CliError, usage } from "../cli-error.ts";
import { contextsFile, credentialsFile } from "./config-dir.ts";
import { withLock } from "./file-lock.ts";
import { readIfThere, writePrivate } from "./private-file.ts";

/** A system that the CLI knows: where it is and who logged in there last. */
export interface Context {
  readonly url: string;
  /** Steps that change something must name this context with --context. */
  readonly protected?: boolean;
  readonly email?: string;
  /** For the login of a tenant's user. */
  readonly tenant?: string;
}

export interface Contexts {
  readonly current?: string;
  readonly contexts: Readonly<Record<string, Context>>;
}

const isContexts = (value: unknown): value is Contexts =>
  typeof value === "object" &&
  value !== null &&
  "contexts" in value &&
  typeof value.contexts === "object" &&
  value.contexts !== null &&
  Object.values(value.contexts).every(
    (context: unknown) =>
      typeof context === "object" && context !== null && "url" in context && typeof context.url === "string",
  );

/** The contexts in a configuration folder; none where the file does not exist. */
export const readContexts = async (dir: string): Promise<Contexts> => {
  const text = await readIfThere(contextsFile(dir));
  if (text === undefined) return { contexts: {} };
  try {
    const value: unknown = JSON.parse(text);
    if (isContexts(value)) return value;
  } catch {
    // Said below, the same as for JSON of another shape.
  }
  throw new CliError(
    "config_invalid",
    2,
    `${contextsFile(dir)} is not a tenantctl configuration`,
    "Correct or delete it, then log in again.",
  );
};

/** Changes the contexts, one process at a time. */
export const changeContexts = (dir: string, change: (contexts: Contexts) => Contexts): Promise<void> =>
  withLock(`${contextsFile(dir)}.lock`, async () =>
    writePrivate(contextsFile(dir), `${JSON.stringify(change(await readContexts(dir)), undefined, 2)}\n`),
  );

/** A context's name is a file's name too. */
export const checkedName = (name: string): string => {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(name))
    throw usage(
      `"${name}" is no name for a context`,
      "Use letters, digits, dots, hyphens and underscores, 63 at the most.",
    );
  return name;
};

/** Adds or replaces a context and makes it the current one where there is none, or `use` says so. */
export const putContext = (dir: string, name: string, context: Context, use: boolean): Promise<void> =>
  changeContexts(dir, ({ current, contexts }) => ({
    current: use || current === undefined ? checkedName(name) : current,
    contexts: { ...contexts, [checkedName(name)]: context },
  }));

/** Forgets a context and its credentials. */
export const removeContext = async (dir: string, name: string): Promise<void> => {
  await changeContexts(dir, ({ current, contexts }) => {
    const { [name]: _gone, ...rest } = contexts;
    return { ...(current === undefined || current === name ? {} : { current }), contexts: rest };
  });
  await fs.rm(credentialsFile(dir, name), { force: true });
};

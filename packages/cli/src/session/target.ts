import { promises as fs } from "node:fs";
import { usage } from "../cli-error.ts";
import type { Settings } from "../settings.ts";
import { configDir } from "./config-dir.ts";
import { type Context, readContexts } from "./contexts.ts";
import { type Credentials, readCredentials } from "./credentials.ts";

export const defaultUrl = "http://localhost:5000";
export const defaultContext = "default";

/** Which API a command talks to, and as whom. */
export interface Target {
  readonly dir: string;
  readonly url: string;
  /** The context in use, or the one that a login would make. */
  readonly contextName: string;
  readonly context: Context | undefined;
  /** The context was named with --context. */
  readonly named: boolean;
  /** From TENANTCTL_TOKEN; wins over stored credentials. */
  readonly envToken: string | undefined;
  /** Stored for exactly this URL. */
  readonly credentials: Credentials | undefined;
}

/** An environment variable, or the content of the file that NAME_FILE names. */
const fromEnv = async (env: NodeJS.ProcessEnv, name: string): Promise<string | undefined> => {
  const value = env[name];
  if (value) return value;
  const path = env[`${name}_FILE`];
  if (!path) return undefined;
  const text = await fs.readFile(path, "utf8").catch((cause: unknown) => {
    throw usage(
      `${name}_FILE: cannot read ${path}: ${cause instanceof Error ? cause.message : cause}`,
      "Check the path and who may read it.",
    );
  });
  return text.trim() || undefined;
};

/** A base URL without its path's last slash. Gives a usage error that says where it came from. */
export const checkedUrl = (text: string, source: string): string => {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol))
    throw usage(`${source} is not an http or https address: "${text}"`, "Write it like https://tenants.example.com.");
  if (url.username || url.password)
    throw usage(`${source} carries a user name or password`, "Log in instead: `tenantctl login`.");
  if (url.pathname !== "/" || url.search || url.hash)
    throw usage(`${source} is more than scheme, host and port: "${text}"`, `Write ${url.origin}.`);
  return url.origin;
};

/** Flag, then environment, then the configuration file, then http://localhost:5000. */
export const resolveTarget = async (settings: Settings): Promise<Target> => {
  const { env } = settings;
  const dir = configDir(env);
  const { current, contexts } = await readContexts(dir);
  const contextName = settings.context ?? current ?? defaultContext;
  const context = Object.hasOwn(contexts, contextName) ? contexts[contextName] : undefined;
  const envUrl = await fromEnv(env, "TENANTCTL_API_URL");
  const url =
    settings.apiUrl !== undefined
      ? checkedUrl(settings.apiUrl, "--api-url")
      : settings.context !== undefined && context !== undefined
        ? checkedUrl(context.url, `The URL of context ${contextName}`)
        : envUrl !== undefined
          ? checkedUrl(envUrl, "TENANTCTL_API_URL")
          : context !== undefined
            ? checkedUrl(context.url, `The URL of context ${contextName}`)
            : defaultUrl;
  // A token that the environment pairs with another API is not for this one.
  const pairedElsewhere = envUrl !== undefined && checkedUrl(envUrl, "TENANTCTL_API_URL") !== url;
  const stored = context === undefined ? undefined : await readCredentials(dir, contextName);
  return {
    dir,
    url,
    contextName,
    context,
    named: settings.context !== undefined,
    envToken: pairedElsewhere ? undefined : await fromEnv(env, "TENANTCTL_TOKEN"),
    credentials: stored?.url === url ? stored : undefined,
  };
};

/** A context named with --context must exist, unless the command is the one that makes it. */
export const requireContext = (target: Target): void => {
  if (target.named && target.context === undefined)
    throw usage(
      `there is no context ${target.contextName}`,
      "`tenantctl context list` shows those there are; `tenantctl login --context NAME --api-url URL` makes one.",
    );
};

const isLoopback = (host: string): boolean => /^(localhost|.*\.localhost|127(\.\d+){3}|\[::1\])$/.test(host);

/** Credentials go over https, or stay on this machine. */
export const requireSafe = (url: string): void => {
  const { protocol, hostname } = new URL(url);
  if (protocol === "http:" && !isLoopback(hostname))
    throw usage(
      `credentials are not sent to ${url}: plain http can be read on the way`,
      "Use https, or reach the API through a tunnel to localhost.",
    );
};

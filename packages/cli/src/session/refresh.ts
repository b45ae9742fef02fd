import { type Client, ContractError, exitCodes } from "@tenantctl/contract";
import { CliError } from "../cli-error.ts";
import { shield } from "../signals.ts";
import { credentialsFile } from "./config-dir.ts";
import { readCredentials, sessionOf, writeCredentials } from "./credentials.ts";
import { withLock } from "./file-lock.ts";
import type { Target } from "./target.ts";

/** An access token with less left than this is exchanged before it is used. */
const marginMs = 60_000;

/** Nobody is logged in: exit 4 with how to. */
export const notLoggedIn = ({ url, contextName, context }: Target): CliError => {
  // The context in use is another system's: a login must neither go there nor take its place.
  const elsewhere = context !== undefined && context.url !== url;
  const flags = elsewhere
    ? ` --api-url ${url} --context NAME`
    : contextName === "default"
      ? ""
      : ` --context ${contextName}`;
  return new CliError(
    "not_logged_in",
    exitCodes.denied,
    `not logged in to ${url}`,
    `Log in with \`tenantctl login${flags}\`, or set TENANTCTL_TOKEN.`,
  );
};

/**
 * The token to send next. A session's access token is exchanged when it is about to end, or is the `refused` one. All
 * shells that share the login do this under one lock and read the file again inside it, so that a refresh token is
 * presented once.
 */
export const currentToken = async (target: Target, client: Client, refused?: string): Promise<string> => {
  if (target.envToken !== undefined) return target.envToken;
  const { dir, url, contextName } = target;
  const usable = async (): Promise<string | undefined> => {
    const stored = await readCredentials(dir, contextName);
    if (stored === undefined || stored.url !== url) throw notLoggedIn(target);
    if (stored.kind === "token") return stored.token;
    return stored.accessToken !== refused && stored.expiresAt - Date.now() > marginMs ? stored.accessToken : undefined;
  };
  const token = await usable();
  if (token !== undefined) return token;
  return withLock(`${credentialsFile(dir, contextName)}.lock`, async () => {
    const renewed = await usable();
    if (renewed !== undefined) return renewed;
    const stored = await readCredentials(dir, contextName);
    if (stored?.kind !== "session") throw notLoggedIn(target);
    return shield(async () => {
      try {
        const { data } = await client.call("auth.refresh", { body: { refreshToken: stored.refreshToken } });
        const next = sessionOf(url, data);
        await writeCredentials(dir, contextName, next);
        return next.accessToken;
      } catch (error) {
        if (error instanceof ContractError && error.code === "session_ended")
          throw new CliError(
            "session_ended",
            exitCodes.denied,
            `the login to ${url} has ended`,
            notLoggedIn(target).hint,
          );
        throw error;
      }
    });
  });
};

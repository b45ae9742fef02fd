import { hostname } from "node:os";
import { isAbsolute, join, resolve } from "node:path";
import type { Database } from "@tenantctl/database";
import { putContext } from "../session/contexts.ts";
import { readCredentials, writeCredentials } from "../session/credentials.ts";

export const localContextName = "local";

/** The folder that `pnpm tenantctl` uses: inside the data folder, never the user's own configuration. */
export const localConfigDir = (dataDir: string): string => {
  const given = process.env.TENANTCTL_CONFIG_DIR;
  if (given) return isAbsolute(given) ? given : resolve(given);
  return join(resolve(dataDir), "cli");
};

/** Leaves a context that the CLI can use at once: the URL, and a token of its own that outlives restarts. */
export const leaveContext = async (db: Database, dataDir: string, url: string): Promise<void> => {
  const { isTokenValid, makeLocalToken } = await import("@tenantctl/server");
  const dir = localConfigDir(dataDir);
  const kept = await readCredentials(dir, localContextName);
  const token =
    kept?.kind === "token" && (await isTokenValid(db, kept.token))
      ? kept.token
      : await makeLocalToken(db, `CLI of ${hostname()}`.slice(0, 200));
  await writeCredentials(dir, localContextName, { kind: "token", url, token });
  await putContext(dir, localContextName, { url }, true);
};

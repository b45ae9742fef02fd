import { isAbsolute, join, resolve } from "node:path";
import envPaths from "env-paths";

/** Where contexts and credentials live: TENANTCTL_CONFIG_DIR, else the platform's folder for configuration. */
export const configDir = (env: NodeJS.ProcessEnv): string => {
  const given = env.TENANTCTL_CONFIG_DIR;
  if (given) return isAbsolute(given) ? given : resolve(given);
  return envPaths("tenantctl", { suffix: "" }).config;
};

export const contextsFile = (dir: string): string => join(dir, "config.json");
export const credentialsFile = (dir: string, context: string): string => join(dir, "credentials", `${context}.json`);

import type { CheckItem } from "@tenantctl/contract";
import { readSettings, type SettingSources, type Settings, SettingsError } from "../settings.ts";
import { databaseItems, embeddedItem } from "./database-items.ts";
import { folderItem, redisItems } from "./host-items.ts";

const title = "The settings are whole";

const settingsItem = (faults: readonly string[]): CheckItem =>
  faults.length === 0
    ? { id: "settings", title, result: "ok", evidence: ["no fault in flags, environment and file"], next: null }
    : { id: "settings", title, result: "problem", evidence: [...faults], next: "tenantctl serve --help" };

/**
 * Looks at what the server needs, without a running API: settings, database, roles, schema, Citus' nodes, Redis, data folder.
 * Changes nothing. What stands on something that is wrong is left out.
 */
export const examine = async (sources: SettingSources): Promise<CheckItem[]> => {
  let settings: Settings;
  try {
    settings = readSettings(sources);
  } catch (error) {
    if (error instanceof SettingsError) return [settingsItem(error.faults)];
    throw error;
  }
  const { databaseUrl, rolePrefix } = settings;
  const roleUrls = {
    tenant: settings.tenantDatabaseUrl,
    operator: settings.operatorDatabaseUrl,
    jobs: settings.jobsDatabaseUrl,
  };
  return [
    settingsItem([]),
    ...(databaseUrl === undefined
      ? [await embeddedItem()]
      : await databaseItems({ url: databaseUrl, prefix: rolePrefix, roleUrls })),
    ...(await redisItems(settings)),
    await folderItem(settings),
  ];
};

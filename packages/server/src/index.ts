export { examine } from "./doctor/examine.ts";
export { type LocalApi, openLocalApi } from "./local-api.ts";
export { openServerDatabase } from "./open-database.ts";
export { bootstrapOperator } from "./operators/bootstrap.ts";
export { archiveOfDatabase } from "./restores/archive-of-database.ts";
export {
  type LocalRestore,
  type LocalRestored,
  restoreFromFile,
} from "./restores/restore-locally.ts";
export { restoreSystem, type SystemRestore, type SystemRestored } from "./restores/restore-system.ts";
export { buildServer, type Server, startServer } from "./server.ts";
export {
  readSettings,
  type SettingName,
  type SettingSources,
  type Settings,
  SettingsError,
  settings,
} from "./settings.ts";
export { isTokenValid, makeLocalToken } from "./tokens/local-token.ts";

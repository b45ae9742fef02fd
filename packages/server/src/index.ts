export { buildServer, type Server, startServer } from "./server.ts";
export { readSettings, type SettingSources, type Settings, SettingsError, settings } from "./settings.ts";

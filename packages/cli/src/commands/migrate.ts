import { defineCommands } from "../command.ts";
import { databaseSettings, serverFlags } from "../start/server-settings.ts";

export const commands = defineCommands([
  {
    path: ["migrate"],
    summary: "Bring the database's roles and schema up to date",
    description:
      "Works on DATABASE_URL directly: a user who owns the database and may create roles. Any number may run at once.",
    examples: ["migrate", "migrate -o json"],
    flags: serverFlags.filter(({ flags }) => flags.startsWith("--config")),
    run: async (invocation) => {
      const settings = await databaseSettings(invocation);
      const { migrate } = await import("@tenantctl/database");
      const { asCliError } = await import("../start/run-server.ts");
      const applied = await migrate(settings.databaseUrl, {
        prefix: settings.rolePrefix,
        roleUrls: {
          tenant: settings.tenantDatabaseUrl,
          operator: settings.operatorDatabaseUrl,
          jobs: settings.jobsDatabaseUrl,
        },
      }).catch((error: unknown) => {
        throw asCliError(error);
      });
      const rows = JSON.stringify(applied.map((name) => ({ name })));
      await invocation.out.list([rows], {
        columns: [{ key: "name", title: "Applied" }],
        properties: ["name"],
        empty: "The database is up to date; nothing was applied.",
      });
      return 0;
    },
  },
]);

import { defineCommands } from "../command.ts";
import { runServer } from "../start/run-server.ts";
import { serveUntilSignal } from "../start/serve-until-signal.ts";
import { serverFlags, serverSettings } from "../start/server-settings.ts";
import { keepNurserySmall } from "../start/small-nursery.ts";

export const commands = defineCommands([
  {
    path: ["serve"],
    summary: "Run the API",
    description:
      "For production: DATABASE_URL and TENANTCTL_JWT_SECRET say on what. Refuses to start while a migration is pending, a table lacks its protection or a database role may too much. Without DATABASE_URL it brings an embedded PostgreSQL.",
    examples: ["serve", "serve --migrate --host 0.0.0.0", "serve --config /etc/tenantctl.env"],
    flags: [...serverFlags, { flags: "--migrate", help: "Bring the schema up to date first" }],
    run: async (invocation) => {
      keepNurserySmall();
      const { out, flags } = invocation;
      const settings = await serverSettings(invocation);
      return serveUntilSignal(
        (onDatabaseEnd) =>
          runServer({
            settings,
            migrate: flags.migrate === true,
            generateOperator: false,
            log: out.note,
            onDatabaseEnd,
            onFirstOperator: ({ email }) => out.note(`made the first operator, ${email}`),
          }),
        ({ url, data }) => out.note(`serving ${url} from ${data}`),
        out.note,
      );
    },
  },
]);

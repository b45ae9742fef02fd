import { relative } from "node:path";
import { defineCommands } from "../command.ts";
import { shellWord } from "../output/shell-word.ts";
import { leaveContext, localConfigDir } from "../start/local-context.ts";
import { type RunningServer, runServer } from "../start/run-server.ts";
import { serveUntilSignal } from "../start/serve-until-signal.ts";
import { serverFlags, serverSettings } from "../start/server-settings.ts";
import { keepNurserySmall } from "../start/small-nursery.ts";

/** How the reader runs tenantctl from here: through pnpm where they started it so. */
const caller = (env: NodeJS.ProcessEnv): string =>
  env.npm_lifecycle_event === "start" ? "npx -y pnpm@12 tenantctl" : "tenantctl";

const folder = (path: string): string => (path.startsWith("/") ? relative(process.cwd(), path) || "." : path);

/** What a newcomer needs to know, and the next three things to try. */
const welcome = ({ url, data }: RunningServer, dataDir: string, env: NodeJS.ProcessEnv): string => {
  const run = caller(env);
  const lines = [
    "",
    `tenantctl is running at ${url}  (Ctrl-C stops it)`,
    `  documentation  ${url}/docs`,
    `  data           ${folder(data)}`,
  ];
  // Through pnpm it is known already; elsewhere the commands would look for a login in the user's own configuration.
  const found = run !== "tenantctl" || (env.TENANTCTL_CONFIG_DIR ?? "") !== "";
  const login = found ? [] : [`  export TENANTCTL_CONFIG_DIR=${shellWord(localConfigDir(dataDir))}`];
  lines.push(
    "",
    "Try next, in a second terminal:",
    ...login,
    `  ${run} status`,
    `  ${run} provision`,
    `  ${run} list`,
    "",
  );
  return lines.join("\n");
};

export const commands = defineCommands([
  {
    path: ["start"],
    summary: "Start everything on this machine: PostgreSQL, the API, a first operator and a CLI context",
    description:
      "Without DATABASE_URL an embedded PostgreSQL keeps its data in .tenantctl/. With it, that database is migrated and used. A second start keeps all data.",
    examples: ["start", "start --port 5001"],
    flags: serverFlags,
    run: async (invocation) => {
      keepNurserySmall();
      const { out } = invocation;
      const settings = await serverSettings(invocation);
      return serveUntilSignal(
        (onDatabaseEnd) =>
          runServer({
            settings:
              settings.logLevel === "info" && invocation.settings.env.TENANTCTL_LOG_LEVEL === undefined
                ? { ...settings, logLevel: "warn" }
                : settings,
            migrate: true,
            generateOperator: true,
            log: out.note,
            onDatabaseEnd,
            // At once: a start that is killed a moment later must not take the only copy of the password with it.
            onFirstOperator: ({ email, password }) =>
              out.text(
                `first operator  ${email}${password === undefined ? "" : `\npassword        ${password}  (shown this once)`}`,
              ),
            beforeListening: (db, url) => leaveContext(db, settings.dataDir, url),
          }),
        (server) => out.text(welcome(server, settings.dataDir, invocation.settings.env)),
        out.note,
      );
    },
  },
]);

import { join, resolve } from "node:path";
import { errors, exitCodes, isErrorCode } from "@tenantctl/contract";
import type { Database } from "@tenantctl/database";
import type { Settings } from "@tenantctl/server";
import { CliError } from "../cli-error.ts";
import { claimPort } from "./port.ts";
import { keptSecret } from "./private-file.ts";

export interface RunningServer {
  readonly url: string;
  /** Where the data is, for people: a folder, or the host and database without the password. */
  readonly data: string;
  /** API first, then what holds its data. Calling it again waits for the same end. */
  stop(): Promise<void>;
}

export interface RunOptions {
  readonly settings: Settings;
  /** Bring the schema up to date instead of refusing an old one. */
  readonly migrate: boolean;
  /** Make an operator with a generated password where none is configured and none exists. */
  readonly generateOperator: boolean;
  /** Talk, one line each. */
  readonly log: (line: string) => void;
  /** Called once when the database under the server ends by itself. */
  readonly onDatabaseEnd: (reason: string) => void;
  /** Called once the first operator is made, with the password where it was generated. */
  readonly onFirstOperator?: (operator: { readonly email: string; readonly password: string | undefined }) => void;
  /** Called when the database is ready and before the API listens. */
  readonly beforeListening?: (db: Database, url: string) => Promise<void>;
}

const withoutPassword = (url: string): string => {
  const parsed = new URL(url);
  return `${parsed.hostname || "local socket"}${parsed.port ? `:${parsed.port}` : ""}${parsed.pathname}`;
};

/** Where people reach the API: an address that means "every interface" is no place to go to. */
const publicUrl = (host: string, port: number): string => {
  const name = ["127.0.0.1", "0.0.0.0", "::", "::1", ""].includes(host)
    ? "localhost"
    : host.includes(":")
      ? `[${host}]`
      : host;
  return `http://${name}:${port}`;
};

/** Starts PostgreSQL where it is ours, brings the schema up to date, makes the first operator, and starts the API, in this order. */
export const runServer = async (options: RunOptions): Promise<RunningServer> => {
  const { log } = options;
  const port = await claimPort(options.settings.host, options.settings.port);
  const { metricsHost, metricsPort } = options.settings;
  if (metricsPort !== undefined) await claimPort(metricsHost, metricsPort, "TENANTCTL_METRICS_PORT");
  const dataDir = resolve(options.settings.dataDir);
  const stops: (() => Promise<void>)[] = [];
  let stopping: Promise<void> | undefined;
  // In the reverse order of starting: the API goes before its database.
  const stop = (): Promise<void> => {
    stopping ??= (async () => {
      for (const step of stops.reverse()) await step();
    })();
    return stopping;
  };

  try {
    let databaseUrl = options.settings.databaseUrl;
    let migrateNow = options.migrate;
    let data = databaseUrl === undefined ? "" : withoutPassword(databaseUrl);
    let { auditKeys, jwtSecrets } = options.settings;
    if (databaseUrl === undefined) {
      const { startEmbedded } = await import("@tenantctl/database/embedded");
      data = join(dataDir, "postgres");
      const embedded = await startEmbedded({
        dataDir: data,
        log,
        onExit: (reason) => {
          if (stopping === undefined) options.onDatabaseEnd(reason);
        },
      });
      stops.push(() => embedded.stop());
      databaseUrl = embedded.url;
      migrateNow = true;
      jwtSecrets ??= [keptSecret(join(dataDir, "jwt-secret"))];
      auditKeys ??= [keptSecret(join(dataDir, "audit-key"))];
    }
    const settings: Settings = { ...options.settings, port, databaseUrl, jwtSecrets, auditKeys };

    const { startServer, openServerDatabase, bootstrapOperator } = await import("@tenantctl/server");
    const db = await openServerDatabase(settings, { migrate: migrateNow, log });
    stops.push(() => db.close());

    const firstOperator = await bootstrapOperator(db, {
      email: settings.adminEmail,
      password: settings.adminPassword,
      generate: options.generateOperator,
      passwordMinLength: settings.passwordMinLength,
    });
    if (firstOperator !== undefined) options.onFirstOperator?.(firstOperator);
    const url = publicUrl(settings.host, port);
    await options.beforeListening?.(db, url);
    const server = await startServer(settings, db);
    stops.push(() => server.stop());
    if (server.metricsUrl !== undefined) log(`metrics: ${server.metricsUrl}`);
    return { url, data, stop };
  } catch (error) {
    await stop().catch(() => undefined);
    throw asCliError(error);
  }
};

/** Refusals of the database and of PostgreSQL itself carry what happened and the way out: a precondition that does not hold. */
export const asCliError = (error: unknown): unknown => {
  if (error instanceof CliError || !(error instanceof Error) || !("hint" in error) || typeof error.hint !== "string") {
    return error;
  }
  const code = "code" in error && typeof error.code === "string" ? error.code : "refused";
  return new CliError(code, isErrorCode(code) ? errors[code].exit : exitCodes.conflict, error.message, error.hint);
};

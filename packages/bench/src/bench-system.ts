import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmodSync, closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { startEmbedded } from "@tenantctl/database/embedded";
import { Client } from "pg";

const tenantctl = fileURLToPath(new URL("../../cli/bin/tenantctl.js", import.meta.url));
const startSeconds = 60;
const system15 = "/usr/lib/postgresql/15";

export interface SystemOptions {
  /** Settings of the API beside those that every installation has. */
  readonly env?: NodeJS.ProcessEnv;
}

/** An installation with an operator, its API a process of its own as in production. */
export interface BenchSystem {
  /** For what the candidates write. */
  readonly folder: string;
  readonly url: string;
  /** An operator's token that may do everything. */
  readonly token: string;
  readonly postgres: string;
  /** Where psql and pg_dump are, of the server's own version. */
  readonly bin: string;
  /** libpq's variables for a superuser, whom no row-level security holds up. */
  readonly superuser: NodeJS.ProcessEnv;
  /** Node and the arguments that run this checkout's tenantctl. */
  readonly tenantctl: readonly [program: string, script: string];
  /** Runs SQL as that superuser. */
  sql(text: string, parameters?: readonly unknown[]): Promise<Record<string, unknown>[]>;
  /** Its processes: where their memory and processor time can be read. */
  readonly pids: { readonly api: number; readonly postmaster: number };
  /** The most memory that the API has had so far, in MiB; undefined where the system does not tell. */
  peakMemory(): number | undefined;
  stop(): Promise<void>;
}

/** The address that the API says it serves, from the file that it logs to. */
const listening = async (api: ChildProcess, logFile: string): Promise<string> => {
  const deadline = Date.now() + startSeconds * 1000;
  for (;;) {
    const said = readFileSync(logFile, "utf8");
    const url = /serving (http:\S+)/.exec(said)?.[1];
    if (url !== undefined) return url;
    if (api.exitCode !== null || api.signalCode !== null || Date.now() > deadline)
      throw new Error(`the API did not start:\n${said}`);
    await setTimeout(50);
  }
};

const json = async (url: string, body: object, token?: string): Promise<Record<string, unknown>> => {
  const headers = { "content-type": "application/json", ...(token ? { authorization: `Bearer ${token}` } : {}) };
  const response = await fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${await response.text()}`);
  return (await response.json()) as Record<string, unknown>;
};

/** Starts PostgreSQL 15 of the system (durable, as a user has it), the schema, and the API on a free port. */
export const startBenchSystem = async ({ env = {} }: SystemOptions = {}): Promise<BenchSystem> => {
  if (!existsSync(join(system15, "bin/pg_dump")))
    throw new Error(`the bench needs PostgreSQL 15 with its client programs in ${system15}/bin (apt: postgresql-15)`);
  const folder = mkdtempSync(join(tmpdir(), "tenantctl-bench-"));
  chmodSync(folder, 0o755);
  const stops: (() => Promise<void>)[] = [async () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 })];
  const stop = async (): Promise<void> => {
    for (const step of stops.splice(0).reverse()) await step();
  };
  try {
    const dataDir = join(folder, "postgres");
    const cluster = await startEmbedded({ dataDir, installation: system15 });
    stops.push(() => cluster.stop());
    const password = readFileSync(join(dataDir, "superuser-password"), "utf8").trim();
    const database = new URL(cluster.url).pathname.slice(1);
    const client = new Client({ host: "127.0.0.1", port: cluster.port, user: "postgres", password, database });
    await client.connect();
    stops.push(() => client.end());

    const { rows } = await client.query<{ data_directory: string }>("show data_directory");
    const postmaster = Number.parseInt(readFileSync(join(rows[0]?.data_directory ?? "", "postmaster.pid"), "utf8"), 10);
    const operator = { email: "bench@example.com", password: randomBytes(12).toString("hex") };
    // As in production: a service's log goes to a file, and nobody reads along.
    const logFile = join(folder, "api.log");
    const log = openSync(logFile, "a");
    const api = spawn(process.execPath, [tenantctl, "serve", "--migrate"], {
      cwd: folder,
      stdio: ["ignore", log, log],
      env: {
        PATH: process.env.PATH,
        HOME: folder,
        PORT: "0",
        DATABASE_URL: cluster.url,
        TENANTCTL_JWT_SECRET: randomBytes(32).toString("hex"),
        TENANTCTL_ADMIN_EMAIL: operator.email,
        TENANTCTL_ADMIN_PASSWORD: operator.password,
        TENANTCTL_DATA_DIR: join(folder, "data"),
        NODE_ENV: "production",
        ...env,
      },
    });
    closeSync(log);
    const ended = new Promise<void>((resolve) => api.once("close", () => resolve()));
    stops.push(async () => {
      api.kill("SIGTERM");
      await ended;
    });
    const url = await listening(api, logFile);
    const { accessToken } = await json(`${url}/api/auth/login`, operator);
    const { token } = await json(`${url}/api/admin/tokens`, { name: "bench", scopes: ["all"] }, String(accessToken));
    return {
      folder,
      url,
      token: String(token),
      postgres: cluster.version,
      bin: join(system15, "bin"),
      superuser: {
        PGHOST: "127.0.0.1",
        PGPORT: String(cluster.port),
        PGUSER: "postgres",
        PGPASSWORD: password,
        PGDATABASE: database,
      },
      tenantctl: [process.execPath, tenantctl],
      sql: async (text, parameters = []) => (await client.query(text, [...parameters])).rows,
      pids: { api: api.pid ?? 0, postmaster },
      peakMemory: () => {
        const peak = existsSync(`/proc/${api.pid}/status`)
          ? /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${api.pid}/status`, "utf8"))?.[1]
          : undefined;
        return peak === undefined ? undefined : Math.round(Number(peak) / 1024);
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
};

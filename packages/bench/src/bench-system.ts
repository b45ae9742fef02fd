import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startEmbedded } from "@tenantctl/database/embedded";
import { Client } from "pg";

const tenantctl = fileURLToPath(new URL("../../cli/bin/tenantctl.js", import.meta.url));
const system15 = "/usr/lib/postgresql/15";

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
  /** The most memory that the API has had so far, in MiB; undefined where the system does not tell. */
  peakMemory(): number | undefined;
  stop(): Promise<void>;
}

const listening = (api: ChildProcess): Promise<string> =>
  new Promise((resolve, reject) => {
    let said = "";
    const listen = (text: string): void => {
      said += text;
      const url = /serving (http:\S+)/.exec(said)?.[1];
      if (url !== undefined) resolve(url);
    };
    for (const stream of [api.stdout, api.stderr]) stream?.setEncoding("utf8").on("data", listen);
    api.once("error", reject);
    api.once("close", (code) => reject(new Error(`the API left with ${code}:\n${said}`)));
  });

const json = async (url: string, body: object, token?: string): Promise<Record<string, unknown>> => {
  const headers = { "content-type": "application/json", ...(token ? { authorization: `Bearer ${token}` } : {}) };
  const response = await fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${await response.text()}`);
  return (await response.json()) as Record<string, unknown>;
};

/** Starts PostgreSQL 15 of the system (durable, as a user has it), the schema, and the API on a free port. */
export const startBenchSystem = async (): Promise<BenchSystem> => {
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

    const operator = { email: "bench@example.com", password: randomBytes(12).toString("hex") };
    const api = spawn(process.execPath, [tenantctl, "serve", "--migrate"], {
      cwd: folder,
      stdio: ["ignore", "pipe", "pipe"],
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
      },
    });
    const ended = new Promise<void>((resolve) => api.once("close", () => resolve()));
    stops.push(async () => {
      api.kill("SIGTERM");
      await ended;
    });
    const url = await listening(api);
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

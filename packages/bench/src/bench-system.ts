import { randomBytes } from "node:crypto";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startEmbedded } from "@tenantctl/database/embedded";
import { Client } from "pg";
import { type Serving, startServing, tenantctl } from "./api-process.ts";
import { postJson } from "./post-json.ts";
import { peakMemory } from "./process-figures.ts";

const system15 = "/usr/lib/postgresql/15";

export interface SystemOptions {
  /** Settings of the API beside those that every installation has. */
  readonly env?: NodeJS.ProcessEnv;
}

/** An installation with an operator, its API a process of its own as in production. */
export interface BenchSystem {
  /** For what the candidates write; the API's log is in it, too. */
  readonly folder: string;
  readonly url: string;
  /** An operator's token that may do everything. */
  readonly token: string;
  /** The operator; `loadTenants` gives the same password to those it lets log in. */
  readonly operator: { readonly email: string; readonly password: string };
  readonly postgres: string;
  /** Of the user who owns the database, whom the API is given. */
  readonly databaseUrl: string;
  /** What access tokens are signed with. */
  readonly jwtSecret: string;
  /** Where psql and pg_dump are, of the server's own version. */
  readonly bin: string;
  /** libpq's variables for a superuser, whom no row-level security holds up. */
  readonly superuser: NodeJS.ProcessEnv;
  /** The same as a URL. */
  readonly superuserUrl: string;
  /** Node and the arguments that run this checkout's tenantctl. */
  readonly tenantctl: readonly [program: string, script: string];
  /** Its processes: where their memory and processor time can be read. */
  readonly pids: { readonly api: number; readonly postmaster: number };
  /** Runs SQL as that superuser. */
  sql(text: string, parameters?: readonly unknown[]): Promise<Record<string, unknown>[]>;
  /** Another process of the API on the same database, with the same keys; it is stopped with the rest. */
  startApi(name: string, env?: NodeJS.ProcessEnv): Promise<Serving>;
  /** The most memory that the API has had so far, in MiB; undefined where the system does not tell. */
  peakMemory(): number | undefined;
  stop(): Promise<void>;
}

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
    const superuser = {
      PGHOST: "127.0.0.1",
      PGPORT: String(cluster.port),
      PGUSER: "postgres",
      PGPASSWORD: readFileSync(join(dataDir, "superuser-password"), "utf8").trim(),
      PGDATABASE: new URL(cluster.url).pathname.slice(1),
    };
    const superuserUrl = `postgresql://postgres:${superuser.PGPASSWORD}@127.0.0.1:${cluster.port}/${superuser.PGDATABASE}`;
    const client = new Client({ connectionString: superuserUrl });
    await client.connect();
    stops.push(() => client.end());
    const { rows } = await client.query<{ data_directory: string }>("show data_directory");
    const postmaster = Number.parseInt(readFileSync(join(rows[0]?.data_directory ?? "", "postmaster.pid"), "utf8"), 10);

    const operator = { email: "bench@example.com", password: randomBytes(12).toString("hex") };
    const jwtSecret = randomBytes(32).toString("hex");
    const common = {
      PORT: "0",
      DATABASE_URL: cluster.url,
      TENANTCTL_JWT_SECRET: jwtSecret,
      TENANTCTL_ADMIN_EMAIL: operator.email,
      TENANTCTL_ADMIN_PASSWORD: operator.password,
      TENANTCTL_DATA_DIR: join(folder, "data"),
      ...env,
    };
    const startApi = async (name: string, others: NodeJS.ProcessEnv = {}): Promise<Serving> => {
      const args = [tenantctl, "serve", "--migrate"];
      const serving = await startServing(args, { folder, name, env: { ...common, ...others } });
      stops.push(() => serving.stop());
      return serving;
    };
    const api = await startApi("api");
    const { accessToken } = await postJson(`${api.url}/api/auth/login`, operator);
    const scopes = { name: "bench", scopes: ["all"] };
    const { token } = await postJson(`${api.url}/api/admin/tokens`, scopes, String(accessToken));
    return {
      folder,
      url: api.url,
      token: String(token),
      operator,
      postgres: cluster.version,
      databaseUrl: cluster.url,
      jwtSecret,
      bin: join(system15, "bin"),
      superuser,
      superuserUrl,
      tenantctl: [process.execPath, tenantctl],
      pids: { api: api.pid, postmaster },
      sql: async (text, parameters = []) => (await client.query(text, [...parameters])).rows,
      startApi,
      peakMemory: () => peakMemory(api.pid),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
};

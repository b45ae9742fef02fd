// src/bench-system.ts
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startEmbedded } from "@tenantctl/database/embedded";
import { Client } from "pg";
var tenantctl = "/work/scale/packages/cli/bin/tenantctl.js";
var system15 = "/usr/lib/postgresql/15";
var listening = (api) => new Promise((resolve, reject) => {
  let said = "";
  const listen = (text) => {
    said += text;
    const url = /serving (http:\S+)/.exec(said)?.[1];
    if (url !== void 0) resolve(url);
  };
  for (const stream of [api.stdout, api.stderr]) stream?.setEncoding("utf8").on("data", listen);
  api.once("error", reject);
  api.once("close", (code) => reject(new Error(`the API left with ${code}:
${said}`)));
});
var json = async (url, body, token) => {
  const headers = { "content-type": "application/json", ...token ? { authorization: `Bearer ${token}` } : {} };
  const response = await fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${await response.text()}`);
  return await response.json();
};
var startBenchSystem = async () => {
  if (!existsSync(join(system15, "bin/pg_dump")))
    throw new Error(`the bench needs PostgreSQL 15 with its client programs in ${system15}/bin (apt: postgresql-15)`);
  const folder = mkdtempSync(join(tmpdir(), "tenantctl-bench-"));
  chmodSync(folder, 493);
  const stops = [async () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 })];
  const stop = async () => {
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
        NODE_ENV: "production"
      }
    });
    const ended = new Promise((resolve) => api.once("close", () => resolve()));
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
        PGDATABASE: database
      },
      tenantctl: [process.execPath, tenantctl],
      sql: async (text, parameters = []) => (await client.query(text, [...parameters])).rows,
      peakMemory: () => {
        const peak = existsSync(`/proc/${api.pid}/status`) ? /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${api.pid}/status`, "utf8"))?.[1] : void 0;
        return peak === void 0 ? void 0 : Math.round(Number(peak) / 1024);
      },
      stop
    };
  } catch (error) {
    await stop();
    throw error;
  }
};

// src/load-tenants.ts
var idOf = (kind, number) => `('01890000-0000-7000-80${kind}-' || lpad(to_hex(${number}), 12, '0'))::uuid`;
var loadTenants = async ({ sql }, { name, kind, count, customers }) => {
  const tenantId = idOf(kind, "t");
  await sql(
    `insert into app.tenants (id, slug, name, plan, contact_email)
      select ${tenantId}, $1 || '-' || t, 'Tenant ' || t, 'enterprise', 'contact' || t || '@example.com'
      from generate_series(1, $2::int) t`,
    [name, count]
  );
  await sql(
    `insert into app.users (tenant_id, id, email, name, role)
      select ${tenantId}, ${tenantId}, 'admin' || t || '@example.com', 'Admin ' || t, 'tenant_admin'
      from generate_series(1, $1::int) t`,
    [count]
  );
  await sql(
    `insert into app.customers (tenant_id, id, name, email, phone, notes, balance_minor)
      select ${tenantId}, ${idOf(kind, "t::bigint * 16777216 + c")}, 'Customer ' || md5(c::text),
        'customer' || c || '@' || substr(md5(t::text || c), 1, 12) || '.example', '+1 555 ' || lpad((c % 10000)::text, 4, '0'),
        case when c % 3 = 0 then null else 'Likes ' || md5(t::text) || E'\\nand "quotes", ' || repeat(chr(228), c % 40) end,
        (c * 7919) % 1000000
      from generate_series(1, $1::int) t, generate_series(1, $2::int) c`,
    [count, customers]
  );
  await sql(
    `insert into app.usage_counters (tenant_id, resource, used)
      select ${tenantId}, r.resource, r.used
      from generate_series(1, $1::int) t, (values ('users', 1), ('customers', $2::int)) r (resource, used)`,
    [count, customers]
  );
  await sql("vacuum analyze");
  await sql("checkpoint");
};

// ../../../../tmp/g1/up.ts
var s = await startBenchSystem();
console.log(JSON.stringify({ pg: s.superuser, url: s.url, token: s.token }));
await loadTenants(s, { name: "tenant", kind: "01", count: 1e5, customers: 2 });
console.log("loaded");
process.on("SIGTERM", () => s.stop().finally(() => process.exit(0)));
setInterval(() => {
}, 1e6);

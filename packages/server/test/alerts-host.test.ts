import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer as createTlsServer, TLSSocket } from "node:tls";
import { checkProtection } from "@tenantctl/database";
import { afterAll, beforeAll, expect, it } from "vitest";
import { withClient } from "../../database/test/harness/database.ts";
import { evaluateAlerts } from "../src/alerts/evaluate.ts";
import { type HostReading, readHost, watchHost } from "../src/alerts/host-readings.ts";
import { startTestServer, type TestServer } from "./fixture/server.ts";

let server: TestServer;
let token: string;
let dir: string;
const listening: Server[] = [];
beforeAll(async () => {
  server = await startTestServer();
  token = await server.operatorToken();
  dir = mkdtempSync(join(tmpdir(), "tenantctl-host-"));
});
afterAll(async () => {
  for (const one of listening) one.close();
  rmSync(dir, { recursive: true, force: true });
  await server.stop();
});

const rule = async (name: string) => (await server.request("GET", `/api/admin/alert-rules/${name}`, { token })).body;
const alerts = async (name: string) => (await server.request("GET", `/api/admin/alerts?rule=${name}`, { token })).body;
const of = (readings: readonly HostReading[], metric: string) =>
  readings.filter((reading) => reading.metric === metric);

/** A key and a certificate that ends in so many days. */
const certificate = (days: number) => {
  const [key, cert] = [join(dir, `${days}.key`), join(dir, `${days}.crt`)];
  execFileSync(
    "openssl",
    [
      "req",
      "-x509",
      "-newkey",
      "ec",
      "-pkeyopt",
      "ec_paramgen_curve:prime256v1",
      "-nodes",
      "-days",
      String(days),
      "-subj",
      "/CN=localhost",
      "-keyout",
      key,
      "-out",
      cert,
    ],
    { stdio: "ignore" },
  );
  return { key: readFileSync(key), cert: readFileSync(cert) };
};
const listen = async (one: Server): Promise<number> => {
  listening.push(one);
  await new Promise<void>((resolve) => one.listen(0, "127.0.0.1", resolve));
  return (one.address() as AddressInfo).port;
};

it("each host writes down how full its disks are and what it can't see, and rules go by that", async () => {
  const app = { ...server.app, settings: { ...server.settings, dataDir: dir } };
  await watchHost(app).now();
  await evaluateAlerts(server.app.db);
  expect(await rule("database_disk")).toMatchObject({
    state: "unavailable",
    problem: expect.stringMatching(/not the embedded one.*watch it there/),
  });
  expect(await rule("certificate_expiring")).toMatchObject({
    state: "unavailable",
    problem: expect.stringMatching(/TENANTCTL_PUBLIC_URL/),
  });
  expect((await rule("disk")).state).not.toBe("unavailable");
  const [reading] = of(await readHost(app), "disk_used");
  expect(reading).toMatchObject({ subject: dir, problem: null });
  expect(reading?.value).toBeGreaterThan(0);
  expect(reading?.value).toBeLessThanOrEqual(100);
  // The monthly checklist divides these two, and must not say another percentage than the status.
  const evidence = new Map<string, unknown>(Object.entries(reading?.evidence ?? {}));
  const free = Number(evidence.get("freeBytes")) / Number(evidence.get("sizeBytes"));
  expect((1 - free) * 100).toBeCloseTo(reading?.value ?? 0, 6);

  await server.asOwner("update app.host_readings set value = 96 where metric = 'disk_used'");
  await server.asOwner("update app.alert_rules set hold_seconds = 0 where name = 'disk'");
  await evaluateAlerts(server.app.db);
  expect(await alerts("disk")).toMatchObject([{ severity: "critical", value: 96, next: `df -h ${dir}` }]);

  // A host that is gone is neither full nor well.
  await server.asOwner("update app.host_readings set read_at = now() - interval '11 minutes'");
  await evaluateAlerts(server.app.db);
  expect((await rule("disk")).state).toBe("unavailable");
});

it("the disk under an embedded database is told by its postmaster", async () => {
  const embedded = join(dir, "embedded");
  const folder = join(embedded, "postgres", "data");
  execFileSync("mkdir", ["-p", folder]);
  writeFileSync(join(folder, "postmaster.pid"), "1\n/data\n1\n54321\n/tmp\n");
  const settings = { ...server.settings, dataDir: embedded, databaseUrl: "postgresql://u@127.0.0.1:54321/x" };
  expect(of(await readHost({ ...server.app, settings }), "database_disk_used")).toMatchObject([
    { subject: folder, problem: null },
  ]);
  const elsewhere = { ...settings, databaseUrl: "postgresql://u@127.0.0.1:54322/x" };
  expect(of(await readHost({ ...server.app, settings: elsewhere }), "database_disk_used")).toMatchObject([
    { value: null },
  ]);
});

it("the certificates of PostgreSQL and of the public address are read, and one that ends soon is an alert", async () => {
  const pair = certificate(10);
  const web = await listen(createTlsServer(pair));
  // PostgreSQL as far as TLS goes: it agrees, then speaks it.
  const postgres = await listen(
    createServer((socket) => {
      socket.on("error", () => undefined);
      socket.once("data", () => {
        socket.write("S");
        new TLSSocket(socket, { isServer: true, ...certificate(2) }).on("error", () => undefined);
      });
    }),
  );
  const app = {
    ...server.app,
    settings: {
      ...server.settings,
      publicUrl: `https://localhost:${web}/`,
      databaseUrl: `postgresql://u@localhost:${postgres}/x?sslmode=require`,
    },
  };
  const found = of(await readHost(app), "certificate_days_left");
  expect(found.map(({ subject, problem }) => [subject, problem])).toEqual([
    [`localhost:${postgres}`, null],
    [`localhost:${web}`, null],
  ]);
  expect(found.map(({ value }) => Math.round(value ?? 0))).toEqual([2, 10]);
  await watchHost(app).now();
  await evaluateAlerts(server.app.db);
  expect(
    (await alerts("certificate_expiring"))
      .map(
        ({ severity, summary }: { severity: string; summary: string }) =>
          `${severity}: ${summary.replace(/\d+ days/, "n days")}`,
      )
      .sort(),
  ).toEqual([
    `critical: the certificate of localhost:${postgres} expires in n days`,
    `warning: the certificate of localhost:${web} expires in n days`,
  ]);
});

it("a server that shows no certificate is said to, and holds nobody up", async () => {
  const port = await listen(createServer((socket) => socket.end("N")));
  const settings = { ...server.settings, databaseUrl: `postgresql://u@127.0.0.1:${port}/x?sslmode=verify-full` };
  expect(of(await readHost({ ...server.app, settings }), "certificate_days_left")).toMatchObject([
    { value: null, problem: expect.stringMatching(/can't be read: the server does not speak TLS/) },
  ]);
});

it("a token in use that is about to expire is an alert in time, one that nobody uses is not", async () => {
  const tenant = await server.provision();
  const make = async (name: string) =>
    (
      await server.request("POST", "/api/admin/tokens", {
        token,
        body: { name, scopes: ["plans:read"], expiresInDays: 10 },
      })
    ).body;
  const used = await make("nightly");
  await make("forgotten");
  expect((await server.request("GET", "/api/admin/plans", { token: used.token })).status).toBe(200);
  const body = { name: "sync", scopes: ["customers:read"], expiresInDays: 1 };
  const own = (await server.request("POST", `/api/tenants/tokens?tenantId=${tenant.id}`, { token, body })).body;
  await server.asOwner("update app.api_tokens set last_used_at = now() where id = $1", [own.id]);
  await server.asOwner("update app.operator_tokens set last_used_at = now() where id = $1", [used.id]);
  await evaluateAlerts(server.app.db);
  expect(
    (await alerts("token_expiring"))
      .map(({ severity, summary, next }: Record<string, string>) => [severity, summary, next])
      .sort(),
  ).toEqual([
    ["critical", `the token "sync" of ${tenant.slug} expires in 0 days`, `tenantctl tokens list ${tenant.slug}`],
    ["warning", 'the token "nightly" expires in 9 days', "tenantctl tokens list"],
  ]);
});

it("long transactions are told where PostgreSQL shows them, and how to allow it where not", async () => {
  await server.asOwner(
    "update app.alert_rules set threshold = 0.001, critical_threshold = null, hold_seconds = 0 where name = 'long_transactions'",
  );
  await evaluateAlerts(server.app.db);
  const stated = await rule("long_transactions");
  if (stated.state === "unavailable") {
    const [, grant = ""] = /as a superuser: (grant .*)$/.exec(stated.problem) ?? [];
    expect(grant).toBe(`grant pg_read_all_stats to ${server.database.prefix}_owner`);
    await withClient(server.database.cluster.adminUrl, (client) => client.query(grant));
  }
  await withClient(server.database.url, async (client) => {
    await client.query("begin");
    await client.query("select 1");
    await evaluateAlerts(server.app.db);
    const [alert] = await alerts("long_transactions");
    expect(alert).toMatchObject({ severity: "warning" });
    expect(alert.evidence.transactions[0]).toMatchObject({ state: "idle in transaction" });
  });
  // It makes no role stronger than serving allows.
  expect(await checkProtection(server.app.db.operator())).toEqual([]);
});

it("latency is told by the 95th percentile, of tenants and of all, where there are enough requests", async () => {
  const [slow, few] = [await server.provision(), await server.provision()];
  const buckets = (fast: number, slowOnes: number) => `{0,0,0,0,0,0,0,0,0,${fast},0,0,0,0,0,0,0,${slowOnes},0,0,0}`;
  for (const [tenant, count] of [
    [slow, 100],
    [few, 10],
  ] as const) {
    await server.asOwner(
      "insert into app.usage_minutes (tenant_id, minute, requests, latency_buckets) values ($1, date_trunc('minute', now()), $2, $3)",
      [tenant.id, count, buckets(count * 0.9, count * 0.1)],
    );
  }
  const { body } = await server.request("GET", "/api/admin/alert-rules/latency/test?threshold=3000", { token });
  const values = body.findings.map(({ tenantId, value }: { tenantId: string | null; value: number }) => [
    tenantId,
    value,
  ]);
  // Half of the slowest tenth lies above it: the middle of the bucket from 2 to 5 seconds.
  expect(values).toContainEqual([slow.id, 3500]);
  expect(values.map(([id]: [string]) => id)).not.toContain(few.id);
});

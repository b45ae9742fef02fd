import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readSettings } from "../src/settings.ts";
import { createPausableDatabase } from "./fixture/pausable-database.ts";
import { parseExposition, scrape, startWatchedServer } from "./fixture/prometheus.ts";
import { type Provisioned, startTestServer, type TestServer } from "./fixture/server.ts";
import { until } from "./fixture/until.ts";

let server: TestServer;
let metricsUrl: string;
let tenant: Provisioned;
beforeAll(async () => {
  ({ server, metricsUrl } = await startWatchedServer({ settings: { jobs: true } }));
  tenant = await server.provision();
});
afterAll(() => server.stop());

describe("/metrics", () => {
  it("is not listened on unless a port is set", async () => {
    const plain = await startTestServer();
    try {
      expect(plain.metricsUrl).toBeUndefined();
      expect((await plain.request("GET", "/metrics")).status).toBe(404);
    } finally {
      await plain.stop();
    }
  });

  it("is the only thing on its port, and is not on the API's", async () => {
    const answer = await fetch(metricsUrl);
    expect(answer.status).toBe(200);
    expect(answer.headers.get("content-type")).toMatch(/^text\/plain; version=0\.0\.4/);
    expect((await fetch(metricsUrl, { method: "POST" })).status).toBe(405);
    expect((await fetch(new URL("/", metricsUrl))).status).toBe(404);
    expect((await fetch(new URL("/api/health", metricsUrl))).status).toBe(404);
    expect((await server.request("GET", "/metrics")).status).toBe(404);
  });

  it("has names with our prefix, units and _total, each with help and type", async () => {
    const { text, types, samples } = await scrape(metricsUrl);
    for (const [name, type] of types) {
      expect(name).toMatch(/^tenantctl_[a-z0-9_]+$/);
      expect(text).toContain(`# HELP ${name} `);
      if (type === "counter") expect(name).toMatch(/_total$/);
      // What prom-client itself measures of Node.js keeps its names.
      if (type !== "counter" && !name.startsWith("tenantctl_nodejs_")) expect(name).not.toMatch(/_total$/);
    }
    const families = [...types.keys()];
    for (const { name } of samples) {
      expect(families).toContain(types.has(name) ? name : name.replace(/_(bucket|sum|count)$/, ""));
    }
  });

  it("counts requests by route, method and class of status, and what went wrong by code", async () => {
    const before = await scrape(metricsUrl);
    for (let time = 0; time < 3; time += 1) await server.request("GET", "/api/customers", { token: tenant.token });
    await server.request("GET", "/api/customers/01890000-0000-7000-8000-000000000009", { token: tenant.token });
    await server.request("GET", "/no/such/path", { token: tenant.token });
    const after = await scrape(metricsUrl);
    const grown = (name: string, labels: Record<string, string>): number =>
      (after.value(name, labels) ?? 0) - (before.value(name, labels) ?? 0);
    const requests = "tenantctl_http_requests_total";
    expect(grown(requests, { route: "customers.list", method: "GET", status: "2xx" })).toBe(3);
    expect(grown(requests, { route: "customers.get", method: "GET", status: "4xx" })).toBe(1);
    expect(grown(requests, { route: "none", method: "any", status: "4xx" })).toBe(1);
    expect(grown("tenantctl_http_problems_total", { code: "route_not_found" })).toBe(1);
    expect(grown("tenantctl_http_request_duration_seconds_count", { group: "customers" })).toBe(4);
    expect(grown("tenantctl_http_request_duration_seconds_bucket", { group: "customers", le: "+Inf" })).toBe(4);
    expect(grown("tenantctl_tenant_requests_total", { tenant: tenant.slug })).toBe(4);
    expect(grown("tenantctl_tenant_client_errors_total", { tenant: tenant.slug })).toBe(1);
    expect(grown("tenantctl_tenant_request_seconds_total", { tenant: tenant.slug })).toBeGreaterThan(0);
    expect(after.value("tenantctl_http_requests_in_flight")).toBe(0);
  });

  it("puts no tenant on a histogram", async () => {
    const { samples } = await scrape(metricsUrl);
    expect(samples.filter(({ name, labels }) => /_bucket$/.test(name) && "tenant" in labels)).toEqual([]);
  });

  it("counts the bytes of answers, streamed ones too", async () => {
    const bytes = async () =>
      (await scrape(metricsUrl)).value("tenantctl_tenant_response_bytes_total", { tenant: tenant.slug }) ?? 0;
    for (let count = 0; count < 40; count += 1) {
      const body = { name: `Customer ${count}`, notes: "x".repeat(5000) };
      await server.request("POST", "/api/customers", { token: tenant.token, body });
    }
    const before = await bytes();
    const { text } = await server.request("GET", "/api/tenants/export", { token: tenant.token });
    expect(text.length).toBeGreaterThan(200_000);
    const sent = await until("the export's bytes", async () => {
      const grown = (await bytes()) - before;
      return grown > 0 && grown;
    });
    expect(sent).toBeGreaterThan(text.length);
    expect(sent).toBeLessThan(text.length * 1.02 + 2000);
  });

  it("shows pools, the database, tenants, alerts, backups, jobs and the build", async () => {
    const seen = await until("the jobs' gauges", async () => {
      const now = await scrape(metricsUrl);
      return now.value("tenantctl_jobs", { status: "waiting" }) === undefined ||
        now.value("tenantctl_job_runs_total", { task: "evaluate_alerts", outcome: "success" }) === undefined
        ? undefined
        : now;
    });
    expect(seen.value("tenantctl_database_up")).toBe(1);
    expect(seen.value("tenantctl_database_pool_connections", { pool: "tenant", state: "max" })).toBe(10);
    expect(seen.value("tenantctl_database_pool_waiting", { pool: "operator" })).toBe(0);
    expect(seen.value("tenantctl_database_connections")).toBeGreaterThan(0);
    expect(seen.value("tenantctl_database_max_connections")).toBeGreaterThan(1);
    expect(seen.value("tenantctl_tenants", { status: "active" })).toBeGreaterThan(0);
    expect(seen.value("tenantctl_tenants", { status: "deleted" })).toBe(0);
    expect(seen.value("tenantctl_alerts_unresolved", { severity: "critical" })).toBeDefined();
    expect(seen.value("tenantctl_backup_oldest_age_seconds", { kind: "backup" })).toBeGreaterThan(0);
    expect(seen.value("tenantctl_backup_newest_age_seconds", { kind: "drill" })).toBeUndefined();
    expect(seen.value("tenantctl_backup_overdue_tenants", { kind: "verify" })).toBe(0);
    expect(seen.value("tenantctl_deliveries", { status: "pending" })).toBe(0);
    expect(seen.value("tenantctl_error_groups_unresolved")).toBe(0);
    expect(seen.value("tenantctl_audit_seal_lag_seconds")).toBeGreaterThanOrEqual(0);
    expect(seen.value("tenantctl_build_info", { node: process.version })).toBe(1);
    expect(seen.value("tenantctl_nodejs_eventloop_lag_seconds")).toBeDefined();
    expect(seen.value("tenantctl_process_resident_memory_bytes")).toBeGreaterThan(0);
    const unread = seen.samples.filter(({ name, value }) => name === "tenantctl_reading_up" && value !== 1);
    expect(unread).toEqual([]);
  });

  it("shows quotas of tenants near their limit, and no other's", async () => {
    const full = await server.provision();
    await server.request("PUT", `/api/admin/tenants/${full.id}/quotas`, {
      token: await server.operatorToken(),
      body: { resource: "users", limit: 1, reason: "test" },
    });
    const { url, ...second } = await startOn(server);
    try {
      const { samples, value } = await scrape(url);
      expect(value("tenantctl_quota_used_ratio", { tenant: full.slug, resource: "users" })).toBe(1);
      expect(value("tenantctl_quotas_near_limit")).toBe(1);
      expect(samples.filter(({ name }) => name === "tenantctl_quota_used_ratio")).toHaveLength(1);
    } finally {
      await second.stop();
    }
  });

  it("asks the database once for many who ask at the same time, and turns away more than a few", async () => {
    const answers = await Promise.all(Array.from({ length: 12 }, () => fetch(metricsUrl).then(({ status }) => status)));
    expect(new Set(answers).size).toBeLessThanOrEqual(2);
    expect(answers.filter((status) => status === 200).length).toBeGreaterThanOrEqual(4);
    expect(answers.every((status) => status === 200 || status === 503)).toBe(true);
  });

  it("lets nobody hold its connections by saying nothing", async () => {
    const { hostname, port } = new URL(metricsUrl);
    const sockets = Array.from({ length: 40 }, () => connect(Number(port), hostname).on("error", () => undefined));
    const closed = await until("a silent connection to be closed", () => sockets.some(({ destroyed }) => destroyed));
    expect(closed).toBe(true);
    for (const socket of sockets) socket.destroy();
    await until("the metrics port to answer", async () =>
      (await fetch(metricsUrl).catch(() => undefined))?.status === 200 ? true : undefined,
    );
  });

  it("is told apart from the API's port, with all other faults, before anything listens", () => {
    const env = { PORT: "5000", TENANTCTL_METRICS_PORT: "5000", TENANTCTL_METRICS_TENANTS: "many" };
    expect(() => readSettings({ env })).toThrow(
      /TENANTCTL_METRICS_TENANTS[\s\S]*TENANTCTL_METRICS_PORT: it is the API's own/,
    );
  });

  it("ends with the server, after the last request", async () => {
    const { server: brief, metricsUrl: url } = await startWatchedServer();
    await scrape(url);
    await brief.stop();
    await expect(fetch(url)).rejects.toThrow();
  });

  it("names no tenant with a cap of 0, and still says how many quotas are near their limit", async () => {
    const { server: capped, metricsUrl: url } = await startWatchedServer({
      database: { ...server.database, drop: async () => {} },
      settings: { metricsTenants: 0 },
    });
    try {
      await capped.request("GET", "/api/customers", { token: tenant.token });
      const { samples, value } = await scrape(url);
      expect(value("tenantctl_quotas_near_limit")).toBe(1);
      const named = new Set(samples.flatMap(({ labels }) => labels.tenant ?? []));
      expect(named).toEqual(new Set(["_other", "_system"]));
    } finally {
      await capped.stop();
    }
  });

  it("refuses to start on a port that is taken, and then listens nowhere", async () => {
    await expect(
      startTestServer({ settings: { metricsPort: Number(new URL(metricsUrl).port) } }),
    ).rejects.toMatchObject({ code: "EADDRINUSE" });
  });
});

/** Another server on the same database, whose gauges are fresh. */
const startOn = async (first: TestServer): Promise<{ url: string; stop: () => Promise<void> }> => {
  const { server: second, metricsUrl: url } = await startWatchedServer({
    database: { ...first.database, drop: async () => {} },
  });
  return { url, stop: () => second.stop() };
};

describe("/metrics while the database is away", () => {
  it("answers with what the process knows, and leaves the rest out until it is back", async () => {
    const behind = await createPausableDatabase();
    const { server: lone, metricsUrl: url } = await startWatchedServer({ database: behind.database });
    try {
      const before = await scrape(url);
      expect(before.value("tenantctl_tenants", { status: "active" })).toBeDefined();
      behind.pause();
      const during = await scrape(url);
      expect(during.value("tenantctl_database_up")).toBe(0);
      expect(during.value("tenantctl_tenants", { status: "active" })).toBeUndefined();
      expect(during.value("tenantctl_database_connections")).toBeUndefined();
      expect(during.value("tenantctl_reading_up", { reading: "tenants" })).toBe(0);
      expect(during.value("tenantctl_http_requests_in_flight")).toBe(0);
      expect(during.value("tenantctl_database_pool_connections", { pool: "tenant", state: "max" })).toBe(10);
      behind.resume();
      const after = await until("the database's gauges to come back", async () => {
        const now = parseExposition(await (await fetch(url)).text());
        return now.value("tenantctl_tenants", { status: "active" }) === undefined ? undefined : now;
      });
      expect(after.value("tenantctl_database_up")).toBe(1);
    } finally {
      behind.resume();
      await lone.stop();
      await behind.drop();
    }
  });

  it("leaves out only what can't be read", async () => {
    const { server: lone, metricsUrl: url } = await startWatchedServer();
    try {
      await lone.asOwner("alter table app.operations rename to moved_away");
      const { value } = await scrape(url);
      expect(value("tenantctl_database_up")).toBe(1);
      expect(value("tenantctl_reading_up", { reading: "operations" })).toBe(0);
      expect(value("tenantctl_operations_unfinished", { status: "queued" })).toBeUndefined();
      expect(value("tenantctl_tenants", { status: "active" })).toBe(0);
    } finally {
      await lone.stop();
    }
  });
});

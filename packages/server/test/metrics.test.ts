import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeApiToken } from "../src/auth/api-token.ts";
import { latencyBoundsMs, latencyBucket, latencyBucketCount, percentile } from "../src/metrics/latency.ts";
import { asOwner } from "./fixture/as-owner.ts";
import { type Provisioned, startTestServer, type TestServer } from "./fixture/server.ts";

let server: TestServer;
let operator: string;
let tenant: Provisioned;
beforeAll(async () => {
  server = await startTestServer();
  operator = await server.operatorToken();
  tenant = await server.provision();
});
afterAll(() => server.stop());

const metrics = async (query = "") => {
  await server.app.meter.flush();
  const reply = await server.request("GET", `/api/admin/metrics${query}`, { token: operator });
  return reply;
};

describe("latency percentiles", () => {
  it("come from summed buckets, interpolated", () => {
    const buckets = Array.from({ length: latencyBucketCount }, () => 0);
    expect(percentile(buckets, 0.5)).toBeNull();
    for (const ms of [4, 4, 4, 4, 4, 4, 4, 4, 4, 400]) {
      const at = latencyBucket(ms);
      buckets[at] = (buckets[at] ?? 0) + 1;
    }
    expect(percentile(buckets, 0.5)).toBeGreaterThan(3);
    expect(percentile(buckets, 0.5)).toBeLessThanOrEqual(5);
    expect(percentile(buckets, 0.95)).toBeGreaterThan(300);
    expect(percentile(buckets, 0.95)).toBeLessThanOrEqual(500);
  });

  it("say the last bound where nothing finer is known", () => {
    const buckets = Array.from({ length: latencyBucketCount }, () => 0);
    buckets[latencyBucket(10 ** 9)] = 7;
    expect(percentile(buckets, 0.5)).toBe(latencyBoundsMs.at(-1));
  });
});

describe("metrics", () => {
  it("count a tenant's requests, its errors apart, and nothing of another's", async () => {
    const before = (await metrics(`?tenantId=${tenant.slug}`)).body.totals;
    const neighbour = await server.provision();
    for (let time = 0; time < 5; time += 1) await server.request("GET", "/api/customers", { token: tenant.token });
    await server.request("GET", "/api/customers/01890000-0000-7000-8000-000000000009", { token: tenant.token });
    await server.request("GET", "/api/customers", { token: neighbour.token });
    await server.request("GET", "/api/customers", { token: makeApiToken(tenant.id).token });
    const { status, body } = await metrics(`?tenantId=${tenant.slug}`);
    expect(status).toBe(200);
    expect(body.totals.requests - before.requests).toBe(6);
    expect(body.totals.clientErrors - before.clientErrors).toBe(1);
    expect(body.totals.errors).toBe(0);
    expect(body.totals.latencyP50Ms).toBeGreaterThan(0);
    expect(body.totals.latencyP95Ms).toBeGreaterThanOrEqual(body.totals.latencyP50Ms);
    expect(body.heaviest).toEqual([]);
  });

  it("say how many rows and bytes a tenant holds", async () => {
    const body = { name: "Ann", email: "ann@example.com", notes: "x".repeat(1000) };
    const { status } = await server.request("POST", "/api/customers", { token: tenant.token, body });
    expect(status).toBe(201);
    const held = (await metrics(`?tenantId=${tenant.id}`)).body;
    expect(held.rows).toBeGreaterThanOrEqual(2);
    expect(held.bytes).toBeGreaterThan(1000);
  });

  it("of the system name the heaviest tenants, and hold every request", async () => {
    for (let time = 0; time < 40; time += 1) await server.request("GET", "/api/customers", { token: tenant.token });
    const { body } = await metrics();
    expect(body.tenantId).toBeNull();
    expect(body.rows).toBeNull();
    expect(body.heaviest[0]).toMatchObject({ tenantId: tenant.id, slug: tenant.slug });
    expect(body.totals.requests).toBeGreaterThan(body.heaviest[0].requests);
  });

  it("cover the whole time in steps, those without requests too", async () => {
    const day = new Date(Date.now() - 10 * 86_400_000).toISOString().slice(0, 10);
    const { body } = await metrics(`?since=${day}T00:00:00Z&until=${day}T23:59:59Z&stepMinutes=60`);
    expect(body.points).toHaveLength(24);
    expect(body.points[1]).toEqual({
      at: `${day}T01:00:00.000Z`,
      requests: 0,
      errors: 0,
      clientErrors: 0,
      bytesSent: 0,
      latencyP50Ms: null,
      latencyP95Ms: null,
    });
    const recent = (await metrics("?stepMinutes=1440")).body;
    expect(recent.points.reduce((sum: number, point: { requests: number }) => sum + point.requests, 0)).toBe(
      recent.totals.requests,
    );
  });

  it.each([
    "?since=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z",
    "?since=2024-01-01T00:00:00Z&until=2026-01-01T00:00:00Z",
    "?since=2026-01-01T00:00:00Z&until=2026-01-30T00:00:00Z&stepMinutes=1",
    "?since=yesterday",
    "?stepMinutes=0",
  ])("refuse %s with a hint", async (query) => {
    const { status, body } = await metrics(query);
    expect([status, body.code]).toEqual([400, "invalid_request"]);
    expect(body.hint).not.toBe("");
  });

  it("lose nothing and slow nobody down while the database can't take them", async () => {
    const before = (await metrics(`?tenantId=${tenant.id}`)).body.totals.requests;
    await asOwner(server.database, async (client) => {
      await client.query("begin");
      await client.query("lock table app.usage_minutes in access exclusive mode");
      for (let time = 0; time < 10; time += 1) {
        expect((await server.request("GET", "/api/customers", { token: tenant.token })).status).toBe(200);
      }
      await client.query("rollback");
    });
    const after = (await metrics(`?tenantId=${tenant.id}`)).body.totals.requests;
    expect(after - before).toBe(10);
  });

  it("survive the end of the process", async () => {
    await server.request("GET", "/api/customers", { token: tenant.token });
    const before = (await metrics(`?tenantId=${tenant.id}`)).body.totals.requests;
    for (let time = 0; time < 3; time += 1) await server.request("GET", "/api/customers", { token: tenant.token });
    server = await server.restart();
    operator = await server.operatorToken();
    expect((await metrics(`?tenantId=${tenant.id}`)).body.totals.requests - before).toBe(3);
  });
});

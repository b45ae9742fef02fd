import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { latencyBucketCount } from "../src/metrics/latency.ts";
import { rollUpUse } from "../src/metrics/roll-up-use.ts";
import { type Provisioned, startTestServer, type TestServer } from "./fixture/server.ts";

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

let server: TestServer;
let operator: string;
let tenant: Provisioned;
beforeAll(async () => {
  server = await startTestServer();
  operator = await server.operatorToken();
  tenant = await server.provision();
});
afterAll(() => server.stop());

const ago = (ms: number): Date => new Date(Math.floor((Date.now() - ms) / minuteMs) * minuteMs);

/** One minute's use: `requests` of them, all of 40 ms. */
const used = async (at: Date, requests: number, more: { group?: string; tenantId?: string } = {}): Promise<void> => {
  const buckets = Array.from({ length: latencyBucketCount }, (_, index) => (index === 8 ? requests : 0));
  await server.asOwner(
    `insert into app.usage_minutes (tenant_id, minute, route_group, requests, errors, client_errors, bytes, duration_ms, latency_buckets)
      values ($1, $2, $3, $4::bigint, 1, 2, 1000, 40 * $4::bigint, $5)`,
    [more.tenantId ?? tenant.id, at, more.group ?? "customers", requests, buckets],
  );
};

const rowsOf = (table: string, where = "true"): Promise<Record<string, string>[]> =>
  server.asOwner(`select * from app.${table} where tenant_id = $1 and ${where}`, [tenant.id]);

const metrics = async (query: string) => {
  const { status, body } = await server.request("GET", `/api/admin/metrics?tenantId=${tenant.slug}${query}`, {
    token: operator,
  });
  expect(status).toBe(200);
  return body;
};

describe("use over time", () => {
  it("is kept by the hour after 2 days and by the day after 35: nothing is lost on the way", async () => {
    for (const at of [ago(hourMs), ago(dayMs)]) await used(at, 10);
    for (const minutes of [0, 1, 2, 61]) await used(new Date(ago(5 * dayMs).getTime() + minutes * minuteMs), 10);
    for (const hours of [0, 1, 2]) await used(new Date(ago(50 * dayMs).getTime() + hours * hourMs), 10);
    await used(ago(5 * dayMs), 10, { group: "users" });
    const since = `&since=${ago(60 * dayMs).toISOString()}`;
    const before = await metrics(since);
    expect(before.totals.requests).toBeGreaterThanOrEqual(100);

    await rollUpUse(server.app);
    const minutes = await rowsOf(
      "usage_minutes",
      "route_group in ('customers', 'users') and minute < now() - interval '50 hours'",
    );
    expect(minutes).toEqual([]);
    const hours = await rowsOf("usage_rollups", "span = 'hour'");
    expect(hours.every(({ begins_at: at }) => new Date(at ?? "").getTime() % hourMs === 0)).toBe(true);
    expect(hours.reduce((sum, { requests }) => sum + Number(requests), 0)).toBe(50);
    const days = await rowsOf("usage_rollups", "span = 'day'");
    expect(days.every(({ begins_at: at }) => new Date(at ?? "").getTime() % dayMs === 0)).toBe(true);
    expect(days.reduce((sum, { requests }) => sum + Number(requests), 0)).toBe(30);

    const { until: _, points: __, ...after } = await metrics(since);
    expect(after.totals).toEqual(before.totals);
    expect((await metrics(`&since=${ago(6 * dayMs).toISOString()}`)).totals).toMatchObject({
      errors: expect.any(Number),
      latencyP50Ms: expect.any(Number),
    });
  });

  it("gives the same when it is moved a row at a time, and by several processes at once", async () => {
    const other = await server.provision();
    for (let minute = 0; minute < 30; minute += 1) {
      await used(new Date(ago(4 * dayMs).getTime() + minute * minuteMs), minute, { tenantId: other.id });
    }
    const slice = (): Promise<{ moved: number }[]> => server.asOwner("select app.roll_up_usage(1)::int as moved");
    for (let moved = 1; moved > 0; ) {
      const results = await Promise.all([slice(), slice(), slice()]);
      moved = Math.max(...results.flat().map((row) => row.moved));
    }
    const [total] = await server.asOwner<{ requests: number; buckets: number; ms: number }>(
      "select sum(requests)::int as requests, sum(latency_buckets[9])::int as buckets, sum(duration_ms)::int as ms from app.usage_rollups where tenant_id = $1",
      [other.id],
    );
    expect(total).toEqual({ requests: 435, buckets: 435, ms: 435 * 40 });
  });

  it("answers with whole hours and days where it is kept so, and refuses smaller steps with a hint", async () => {
    const body = await metrics(`&since=${ago(40 * dayMs).toISOString()}`);
    expect(body.stepMinutes).toBe(1440);
    expect(body.since).toMatch(/T00:00:00.000Z$/);
    expect((await metrics(`&since=${ago(3 * dayMs).toISOString()}`)).since).toMatch(/:00:00.000Z$/);
    const refused = await server.request(
      "GET",
      `/api/admin/metrics?since=${ago(3 * dayMs).toISOString()}&stepMinutes=5`,
      { token: operator },
    );
    expect([refused.status, refused.body.code]).toEqual([400, "invalid_request"]);
    expect(refused.body.hint).toContain("60");
  });

  it("goes after 400 days", async () => {
    await used(ago(410 * dayMs), 7);
    await used(ago(390 * dayMs), 7);
    await rollUpUse(server.app);
    const days = await rowsOf("usage_rollups", "begins_at < now() - interval '300 days'");
    expect(days).toHaveLength(1);
  });

  it("is written at the database's time, whatever a process believes: a clock that jumps loses and doubles nothing", async () => {
    const before = (await metrics("")).totals.requests;
    const real = Date.now;
    try {
      for (const jump of [30 * dayMs, -30 * dayMs, 2 * hourMs]) {
        Date.now = () => real() + jump;
        for (let time = 0; time < 4; time += 1) {
          server.app.meter.count({
            route: "customers.list",
            group: "customers",
            method: "GET",
            status: 200,
            seconds: 0.01,
            bytes: 10,
            tenantId: tenant.id,
            isProbe: false,
            isPlanned: false,
          });
        }
        await server.app.meter.flush();
      }
    } finally {
      Date.now = real;
    }
    expect((await metrics("")).totals.requests - before).toBe(12);
  });
});

import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { countTenantRows } from "../src/metrics/count-rows.ts";
import { latencyBucket, latencyBucketCount } from "../src/metrics/latency.ts";
import { checkAnswer } from "./fixture/contract-answer.ts";
import { type Provisioned, startTestServer, type TestServer } from "./fixture/server.ts";

let server: TestServer;
let operator: string;
let many: Provisioned;
let slow: Provisioned;
let large: Provisioned;

/** A minute's use of five minutes ago: so many requests, each of `ms`. */
const used = async (tenant: Provisioned, requests: number, ms: number, errors = 0, bytes = 0): Promise<void> => {
  const buckets = Array.from({ length: latencyBucketCount }, (_, index) =>
    index === latencyBucket(ms) ? requests : 0,
  );
  await server.asOwner(
    `insert into app.usage_minutes (tenant_id, minute, route_group, requests, errors, bytes, duration_ms, latency_buckets)
      values ($1, date_trunc('minute', now()) - interval '5 minutes', 'test', $2, $3, $4, $5, $6)`,
    [tenant.id, requests, errors, bytes, requests * ms, buckets],
  );
};

beforeAll(async () => {
  server = await startTestServer();
  operator = await server.operatorToken();
  [many, slow, large] = [await server.provision(), await server.provision(), await server.provision()];
  await used(many, 9000, 4, 3);
  await used(slow, 100, 900, 40);
  await used(large, 900, 4, 0, 5_000_000);
});
afterAll(() => server.stop());

const top = async (query: string) => {
  await server.app.meter.flush();
  const { status, body } = await server.request("GET", `/api/admin/metrics/top${query}`, { token: operator });
  expect(status).toBe(200);
  checkAnswer("metrics.top", 200, body);
  return body;
};

describe("tenants that use the most", () => {
  it.each([
    ["requests", () => many],
    ["errors", () => slow],
    ["time", () => slow],
    ["latency", () => slow],
    ["bytes", () => large],
  ])("come first, by %s, with their share of the total", async (by, whose) => {
    const rows = await top(`?by=${by}`);
    expect(rows[0].slug).toBe(whose().slug);
    expect(rows[0].share).toBeGreaterThan(50);
    const shares = rows.reduce((sum: number, { share }: { share: number }) => sum + share, 0);
    expect(shares).toBeGreaterThan(99);
    expect(shares).toBeLessThan(101);
  });

  it("have the same p95 as the tenant's own metrics", async () => {
    const [first] = await top("?by=latency");
    const { body } = await server.request("GET", `/api/admin/metrics?tenantId=${slow.slug}`, { token: operator });
    expect(first.latencyP95Ms).toBe(body.totals.latencyP95Ms);
  });

  it("are held against those with as few requests as one only after all others", async () => {
    const rare = await server.provision();
    await used(rare, 1, 29_000);
    const slugs = (await top("?by=latency&limit=100")).map(({ slug }: { slug: string }) => slug);
    expect(slugs[0]).toBe(slow.slug);
    expect(slugs.indexOf(rare.slug)).toBeGreaterThan(slugs.indexOf(many.slug));
  });

  it("are counted by the rows they hold, adopted tables included, with the time of the count", async () => {
    await server.asOwner(
      "create table app.adopted (tenant_id uuid not null, id int not null, primary key (tenant_id, id))",
    );
    await server.asOwner("select tenancy.protect('app.adopted')");
    await server.asOwner("insert into app.adopted select $1, n from generate_series(1, 500) n", [large.id]);
    const uncounted = await top("?by=rows");
    expect(uncounted.every(({ rows }: { rows: number | null }) => rows === null)).toBe(true);
    await countTenantRows(server.app);
    const [first, second] = await top("?by=rows");
    expect(first.slug).toBe(large.slug);
    expect(first.rows).toBeGreaterThanOrEqual(501);
    expect(second.rows).toBeLessThan(first.rows);
    expect(Date.parse(first.rowsCountedAt)).toBeGreaterThan(Date.now() - 60_000);
    const { body } = await server.request("GET", `/api/admin/metrics?tenantId=${large.slug}`, { token: operator });
    expect(body.rows).toBe(first.rows);
  });

  it("are not counted again before it is due", async () => {
    const counted = () => server.asOwner("select tenant_id, counted_at from app.tenant_sizes order by tenant_id");
    await countTenantRows(server.app);
    const before = await counted();
    await countTenantRows(server.app);
    expect(await counted()).toEqual(before);
    await server.asOwner("update app.tenant_sizes set counted_at = now() + interval '3 days' where tenant_id = $1", [
      many.id,
    ]);
    await countTenantRows(server.app);
    const [again] = await server.asOwner<{ late: boolean }>(
      "select counted_at > now() as late from app.tenant_sizes where tenant_id = $1",
      [many.id],
    );
    expect(again?.late).toBe(false);
  });

  it("show what they hold in bytes, by storage", async () => {
    const body = { name: "Big", notes: randomBytes(1500).toString("hex") };
    expect((await server.request("POST", "/api/customers", { token: many.token, body })).status).toBe(201);
    const [first] = await top("?by=storage");
    expect(first.slug).toBe(many.slug);
    expect(first.bytesStored).toBeGreaterThan(2000);
  });

  it("are asked for with an order there is, at most a hundred of them", async () => {
    for (const query of ["?by=beauty", "?limit=0", "?limit=101", "?since=yesterday"]) {
      const { status, body } = await server.request("GET", `/api/admin/metrics/top${query}`, { token: operator });
      expect([status, body.code]).toEqual([400, "invalid_request"]);
    }
    expect(await top("?limit=1")).toHaveLength(1);
  });
});

import { openDatabase } from "@tenantctl/database";
import { afterAll, beforeAll, expect, test } from "vitest";
import { resolveRoleUrls } from "../../database/src/role-urls.ts";
import { openWire, type Wire } from "../../database/test/fixtures/wire.ts";
import { createMigratedDatabase } from "../../database/test/harness/database.ts";
import { startServer } from "../src/server.ts";
import { type Provisioned, startTestServer, type TestServer } from "./fixture/server.ts";

let first: TestServer;
let tenant: Provisioned;
let wire: Wire;
let url: string;
const ends: (() => Promise<void>)[] = [];

beforeAll(async () => {
  const database = await createMigratedDatabase();
  first = await startTestServer({ database });
  ends.push(() => first.stop());
  tenant = await first.provision();
  // A second server on the same database, whose tenant connection is listened to.
  wire = await openWire(database.url);
  ends.push(() => wire.close());
  const { tenant: direct, ...others } = await resolveRoleUrls({ url: database.url, prefix: database.prefix });
  const db = await openDatabase({ roleUrls: { ...others, tenant: wire.through(direct) }, poolSizes: { tenant: 1 } });
  ends.push(() => db.close());
  const second = await startServer(first.settings, db);
  ends.push(() => second.stop());
  url = second.url;
});
afterAll(async () => {
  for (const end of ends.toReversed()) await end();
});

const request = async (method: string, path: string, body?: object) => {
  const response = await fetch(new URL(path, url), {
    method,
    headers: {
      authorization: `Bearer ${tenant.token}`,
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  expect(response.status).toBeLessThan(300);
  return JSON.parse(await response.text());
};

/** Round trips to the database of the quickest of several calls: counters are flushed in the background now and then. */
const roundTrips = async (call: () => Promise<unknown>): Promise<number> => {
  const seen: number[] = [];
  for (let use = 0; use < 8; use += 1) {
    wire.reset();
    await call();
    seen.push(wire.roundTrips);
  }
  return Math.min(...seen);
};

test("an authenticated list, get and create of customers take one round trip each", async () => {
  const { id } = await request("POST", "/api/customers", { name: "Quick" });
  expect(await roundTrips(() => request("GET", "/api/customers?search=quick&sort=name&limit=1"))).toBe(1);
  expect(await roundTrips(() => request("GET", `/api/customers/${id}`))).toBe(1);
  expect(await roundTrips(() => request("POST", "/api/customers", { name: "Quick" }))).toBe(1);
  expect(await roundTrips(() => request("GET", "/api/tenants/users"))).toBe(1);
  expect(await roundTrips(() => request("GET", "/api/audit-logs"))).toBe(1);
});

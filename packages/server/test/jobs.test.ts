import type { Database } from "@tenantctl/database";
import { afterAll, beforeAll, expect, it } from "vitest";
import { withClient } from "../../database/test/harness/database.ts";
import { startJobs } from "../src/jobs/jobs.ts";
import { tasks } from "../src/jobs/tasks.ts";
import { asOwner, ownerRow } from "./fixture/as-owner.ts";
import { createPausableDatabase, type PausableDatabase } from "./fixture/pausable-database.ts";
import { type Provisioned, startTestServer, type TestServer } from "./fixture/server.ts";
import { until } from "./fixture/until.ts";

let behind: PausableDatabase;
let server: TestServer;
let second: TestServer;
beforeAll(async () => {
  behind = await createPausableDatabase();
  server = await startTestServer({ database: behind.database, settings: { jobs: true } });
  second = await startTestServer({ database: behind.database, settings: { jobs: true } });
});
afterAll(async () => {
  await second.stop();
  await server.stop();
  await behind.drop();
});

/** A tenant that an alert is due for. */
const fullTenant = async (): Promise<Provisioned> => {
  const tenant = await server.provision();
  await asOwner(server.database, (client) =>
    client.query(
      `insert into app.quota_overrides (tenant_id, resource, quota_limit, reason, set_by) values ($1, 'users', 1, 'test', '{}')`,
      [tenant.id],
    ),
  );
  return tenant;
};

const askFor = (task: string): Promise<unknown> =>
  withClient(server.app.db.jobsUrl, (client) => client.query("select graphile_worker.add_job($1)", [task]));

const alertsOf = async (tenant: Provisioned): Promise<number> =>
  (
    await ownerRow<{ count: number }>(
      server.database,
      "select count(*)::int as count from app.alerts where tenant_id = $1 and rule = 'quota_reached'",
      [tenant.id],
    )
  ).count;

it("evaluates alerts in the background, once for all processes", async () => {
  const tenant = await fullTenant();
  await askFor("evaluate_alerts");
  await until("the alert", async () => (await alertsOf(tenant)) > 0);
  await askFor("evaluate_alerts");
  expect(await alertsOf(tenant)).toBe(1);
});

it("has every task in the schedule, known to the database", async () => {
  const known = await withClient(server.app.db.jobsUrl, async (client) => {
    const { rows } = await client.query("select identifier from graphile_worker._private_known_crontabs");
    return rows.map(({ identifier }) => identifier).sort();
  });
  expect(known).toEqual(Object.keys(tasks).sort());
});

it.each(Object.keys(tasks))("%s can be run at any time", async (name) => {
  await tasks[name]?.run(server.app);
  await tasks[name]?.run(server.app);
});

it("goes on after every connection broke, and the API never stopped", async () => {
  behind.cut();
  expect((await server.request("GET", "/api/health/live")).status).toBe(200);
  const tenant = await until("the API", () => fullTenant().catch(() => undefined));
  await until("the alert", async () => {
    await askFor("evaluate_alerts").catch(() => undefined);
    return (await alertsOf(tenant)) > 0;
  });
});

it("keeps trying while the jobs' connection is refused, and runs them when it is not any more", async () => {
  const other = await startTestServer();
  let attempts = 0;
  const db: Database = {
    ...other.app.db,
    openJobsPool: (size) => {
      attempts += 1;
      const pool = other.app.db.openJobsPool(size);
      if (attempts < 3) void pool.end(); // no connection can be had from it
      return pool;
    },
  };
  const jobs = startJobs({ ...other.app, db });
  try {
    expect((await other.request("GET", "/api/health")).status).toBe(200);
    await until("the jobs' tables", () =>
      withClient(other.app.db.jobsUrl, (client) =>
        client.query("select graphile_worker.add_job('evaluate_alerts')").then(
          () => true,
          () => false,
        ),
      ),
    );
    expect(attempts).toBe(3);
  } finally {
    await jobs.stop();
    await other.stop();
  }
});

it("removes old metrics and answers kept for a repeat, and nothing that is younger", async () => {
  await asOwner(server.database, async (client) => {
    await client.query(
      `insert into app.usage_minutes (tenant_id, minute, requests)
       select id, now() - make_interval(days => d), 1 from app.tenants, unnest(array[34, 410]) d where slug <> 'system'`,
    );
    await client.query(
      `insert into app.idempotency_keys (actor, key_hash, request_hash, created_at)
       select 'a', decode(md5(h::text), 'hex'), '', now() - make_interval(hours => h) from unnest(array[23, 25]) h`,
    );
  });
  await tasks.roll_up_use?.run(server.app);
  await tasks.expire_idempotency_keys?.run(server.app);
  const left = await ownerRow<{ old: number; young: number; keys: number }>(
    server.database,
    `select count(*) filter (where begins_at < now() - interval '35 days')::int as old,
       count(*) filter (where begins_at < now() - interval '33 days')::int as young,
       (select count(*)::int from app.idempotency_keys) as keys
     from app.usage_rollups`,
  );
  expect(left.old).toBe(0);
  expect(left.young).toBeGreaterThan(0);
  expect(left.keys).toBe(1);
});

import { build, sql } from "@tenantctl/database";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { withClient } from "../../database/test/harness/database.ts";
import { createPausableDatabase, type PausableDatabase } from "./fixture/pausable-database.ts";
import { type Provisioned, type Reply, startTestServer, type TestServer } from "./fixture/server.ts";
import { until } from "./fixture/until.ts";

const countOf = (replies: readonly Reply<{ code?: string }>[]): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const { status, body } of replies) {
    const what = status === 503 ? `503 ${body.code}` : String(status);
    counts[what] = (counts[what] ?? 0) + 1;
  }
  return counts;
};
const saysWhen = ({ status, headers }: Reply<unknown>): boolean =>
  status !== 503 || Number(headers.get("retry-after")) > 0;

describe("more requests than the database has time for", () => {
  let server: TestServer;
  let tenant: Provisioned;
  beforeAll(async () => {
    server = await startTestServer({ settings: { poolSize: 2 } });
    tenant = await server.provision();
  });
  afterAll(() => server.stop());

  /** Holds the customers locked while `during` runs. */
  const whileLocked = async (during: () => Promise<void>): Promise<void> => {
    await withClient(server.database.url, async (client) => {
      await client.query(`set role ${server.database.prefix}_owner`);
      await client.query("begin; lock table app.customers in access exclusive mode");
      await during();
      await client.query("rollback");
    });
  };

  it("are not read any more when whoever asked has left while they waited", async () => {
    const asked = new AbortController();
    const waiting = () => server.app.db.connections.tenant.waiting;
    const connections = () =>
      new Promise<number>((resolve) => server.fastify.server.getConnections((_error, count) => resolve(count)));
    const turnedAway = () => server.app.errors.counts.get("overloaded") ?? 0;
    await whileLocked(async () => {
      const before = turnedAway();
      const given = Array.from({ length: 60 }, () =>
        fetch(`${server.url}/api/customers`, {
          headers: { authorization: `Bearer ${tenant.token}` },
          signal: asked.signal,
        }).catch(() => undefined),
      );
      await until("waiting requests", () => waiting() >= 58);
      asked.abort();
      await Promise.all(given);
      await until("the server to notice", async () => (await connections()) < 30);
      expect(turnedAway()).toBe(before);
    });
    await until("an empty queue", () => waiting() === 0);
    await until("refusals that nobody reads", () => turnedAway() >= 58);
  });

  it("wait in a queue that has an end, are turned away beyond it, and are served again when it is over", async () => {
    const ask = () => server.request("GET", "/api/customers", { token: tenant.token });
    let letGo = (): void => undefined;
    const over = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    let locked = false;
    const held = withClient(server.database.url, async (client) => {
      await client.query(`set role ${server.database.prefix}_owner`);
      await client.query("begin; lock table app.customers in access exclusive mode");
      locked = true;
      await over;
      await client.query("rollback");
    });
    await until("the lock", () => locked);

    let turnedAway = 0;
    const asked = Array.from({ length: 400 }, async () => {
      const reply = await ask();
      if (reply.status === 503) turnedAway += 1;
      return reply;
    });
    expect((await server.request("GET", "/api/health/live")).status).toBe(200);
    // Two are under way, and fifty wait for each of them.
    await until("refusals", () => turnedAway >= 290);
    letGo();
    await held;
    const replies = await Promise.all(asked);
    const { 200: served = 0, "503 overloaded": refused = 0 } = countOf(replies);
    expect(served + refused).toBe(400);
    expect(served).toBeGreaterThanOrEqual(100);
    expect(replies.every(saysWhen)).toBe(true);

    const after = await Promise.all(Array.from({ length: 50 }, ask));
    expect(countOf(after)).toEqual({ 200: 50 });
  });

  it("of one tenant leave the others' logins and health alone", async () => {
    const noise = Array.from({ length: 300 }, () => server.request("GET", "/api/customers", { token: tenant.token }));
    await until("readiness", async () => (await server.request("GET", "/api/health/ready")).status === 200);
    expect((await server.login(tenant.admin)).accessToken).toBeDefined();
    const counts = countOf(await Promise.all(noise));
    expect(Object.keys(counts).every((what) => what === "200" || what === "503 overloaded")).toBe(true);
  });
});

describe("a database that hangs", () => {
  let pausable: PausableDatabase;
  let server: TestServer;
  let tenant: Provisioned;
  beforeAll(async () => {
    pausable = await createPausableDatabase();
    server = await startTestServer({ database: pausable.database, settings: { poolSize: 2 } });
    tenant = await server.provision();
  });
  afterAll(async () => {
    pausable.resume();
    await server.stop();
    await pausable.drop();
  });

  it("ends in 503 for whoever asked before and for whoever asks now, and is served from again", async () => {
    const ask = () => server.request("GET", "/api/customers", { token: tenant.token });
    expect((await ask()).status).toBe(200);
    pausable.pause();
    const replies = await Promise.all(Array.from({ length: 40 }, ask));
    expect(countOf(replies)).toEqual({ "503 database_unavailable": 40 });
    expect(replies.every(saysWhen)).toBe(true);
    expect((await server.request("GET", "/api/health/live")).status).toBe(200);
    expect((await server.request("GET", "/api/health")).body).toMatchObject({ status: "down" });

    pausable.resume();
    await until("service", async () => (await ask()).status === 200);
    expect((await server.request("GET", "/api/health")).status).toBe(200);
  });

  it("leaves a statement alone that only takes long", async () => {
    // Longer than it takes to be asked whether anybody is there.
    const slow = sql<{ done: string }>`select 'yes' as done from pg_sleep(6)`.compile(build);
    expect(await server.app.db.operator().run(slow)).toEqual([{ done: "yes" }]);
  });
});

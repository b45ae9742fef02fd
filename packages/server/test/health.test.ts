import { once } from "node:events";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { withClient } from "../../database/test/harness/database.ts";
import { createPausableDatabase, type PausableDatabase } from "./fixture/pausable-database.ts";
import { startTestServer, type TestServer } from "./fixture/server.ts";
import { until } from "./fixture/until.ts";

let behind: PausableDatabase;
let server: TestServer;
beforeAll(async () => {
  behind = await createPausableDatabase();
  server = await startTestServer({ database: behind.database });
});
afterAll(async () => {
  behind.resume();
  await server.stop();
  await behind.drop();
});

describe("health", () => {
  it("says without a login that all is well, and nothing that would help an attacker", async () => {
    const { status, body, text } = await server.request("GET", "/api/health");
    expect(status).toBe(200);
    expect(body).toEqual({
      status: "ok",
      database: { reachable: true, latencyMs: expect.any(Number) },
      migrations: "current",
      uptimeSeconds: expect.any(Number),
    });
    expect(text).not.toMatch(/postgres|fastify|\d+\.\d+\.\d+/i);
  });

  it("answers within its bound when the database hangs, and is well again afterwards", async () => {
    behind.pause();
    const asked = await Promise.all(Array.from({ length: 20 }, () => server.request("GET", "/api/health")));
    for (const { status, body } of asked) {
      expect(status).toBe(503);
      expect(body).toMatchObject({
        status: "down",
        database: { reachable: false, latencyMs: null },
        migrations: "unknown",
      });
    }
    expect((await server.request("GET", "/api/health/live")).status).toBe(200);
    const ready = await server.request("GET", "/api/health/ready");
    expect(ready.status).toBe(503);
    expect(ready.body.code).toBe("database_unavailable");
    expect(server.app.db.connections.operator.total).toBeLessThanOrEqual(2);
    behind.resume();
    await until("health", async () => (await server.request("GET", "/api/health")).status === 200);
  });

  it("is well again after every connection broke", async () => {
    behind.cut();
    await until("health", async () => (await server.request("GET", "/api/health")).status === 200);
  });

  it("is degraded while a migration is pending", async () => {
    const [ledger] = await withClient(server.database.url, async (client) => {
      const { rows } = await client.query("delete from tenancy.migrations where name like '0010%' returning *");
      return rows;
    });
    const pending = await until("the cached answer to run out", async () => {
      const { status, body } = await server.request("GET", "/api/health");
      return status === 503 && body;
    });
    expect(pending).toMatchObject({ status: "degraded", migrations: "pending" });
    await withClient(server.database.url, (client) =>
      client.query("insert into tenancy.migrations select * from json_populate_record(null::tenancy.migrations, $1)", [
        JSON.stringify(ledger),
      ]),
    );
  });

  it("is not ready while draining", async () => {
    server.app.draining = true;
    const { status, body, headers } = await server.request("GET", "/api/health/ready");
    expect([status, body.code, headers.get("connection")]).toEqual([503, "draining", "close"]);
    expect((await server.request("GET", "/api/health/live")).status).toBe(200);
    server.app.draining = false;
    expect((await server.request("GET", "/api/health/ready")).status).toBe(200);
  });
});

it("lets a request under way finish when it is stopped, and takes no new one", async () => {
  const token = await server.operatorToken();
  behind.pause();
  let answered = false;
  const received = once(server.fastify.server, "request");
  const underWay = server.request("GET", "/api/admin/plans", { token }).finally(() => {
    answered = true;
  });
  // What health checks asked may still hold a connection: only that this request came says that it is under way.
  await received;
  server.app.draining = true;
  const stopped = server.fastify.close();
  await until("the port to be closed", () =>
    server.request("GET", "/api/health/live").then(
      () => false,
      () => true,
    ),
  );
  expect(answered).toBe(false);
  behind.resume();
  expect((await underWay).status).toBe(200);
  await stopped;
});

import { afterAll, beforeAll, expect, it } from "vitest";
import { holdLock, holdRow, waitingForLocks } from "./fixture/hold-row.ts";
import { type Serving, servedBeside } from "./fixture/served.ts";
import { startTestServer, type TestServer } from "./fixture/server.ts";
import { until } from "./fixture/until.ts";

let server: TestServer;
let token: string;
const { serve, end } = servedBeside(() => server);

beforeAll(async () => {
  server = await startTestServer();
  token = await server.operatorToken();
});
afterAll(async () => {
  await end();
  await server.stop();
});

const operationOf = async (tenantId: string) =>
  (await server.request("GET", `/api/admin/operations?tenantId=${tenantId}`, { token })).body[0];
const removedSoFar = async (tenantId: string): Promise<number> =>
  Object.values<number>((await operationOf(tenantId))?.progress ?? {}).reduce((a, b) => a + b, 0);

/** A process that finds the operation without a sign of life, as it would half a minute after the kill. */
const successor = async (tenantId: string): Promise<Serving> => {
  await server.asOwner("update app.operations set heartbeat_at = now() - interval '1 minute' where tenant_id = $1", [
    tenantId,
  ]);
  return serve();
};

it("a process killed at any step leaves what the next one finishes, and nothing is counted twice", async () => {
  const tenant = await server.provision();
  const neighbour = await server.provision();
  await server.asOwner(
    "insert into app.customers (tenant_id, id, name) select t, gen_random_uuid(), 'C' from unnest($1::uuid[]) t, generate_series(1, 11000)",
    [[tenant.id, neighbour.id]],
  );
  const others = () =>
    server.asOwner<{ digest: string }>(
      "select md5(string_agg(c::text, '' order by id)) as digest from app.customers c where tenant_id <> $1",
      [tenant.id],
    );
  const before = await others();

  // 1. Before anything is counted or removed: a writer from before the hold is still inside.
  const writer = await holdLock(server.database, "select pg_advisory_xact_lock_shared(tenancy.lock_key($1))", [
    tenant.id,
  ]);
  let running = await serve();
  const accessToken = await running.operatorToken();
  const asked = fetch(`${running.url}/api/admin/tenants/${tenant.id}/delete`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${accessToken}` },
    body: JSON.stringify({ hardDelete: true, force: true }),
  }).catch(() => undefined);
  await until("it has begun", async () => (await operationOf(tenant.id))?.status === "running");
  await running.kill();
  expect(await asked).toBeUndefined();
  expect(await removedSoFar(tenant.id)).toBe(0);
  const { id } = await operationOf(tenant.id);

  // 2. In the middle of a batch, by a process that took the operation over.
  const customers = await holdRow(server.database, "app.customers", tenant.id);
  await writer();
  running = await successor(tenant.id);
  await until("its users are gone", async () => (await operationOf(tenant.id)).progress.users === 1);
  await until("it waits for a lock", async () => (await waitingForLocks(server.database)) > 0);
  await running.kill();
  await customers();
  const halfway = await removedSoFar(tenant.id);
  expect(halfway).toBeGreaterThan(0);

  // 3. After a batch and before the next: whoever waits for the operation's row comes between the two.
  const again = await holdRow(server.database, "app.customers", tenant.id);
  running = await successor(tenant.id);
  await until("it waits for a lock", async () => (await waitingForLocks(server.database)) > 0);
  const between = holdLock(server.database, "select from app.operations where tenant_id = $1 for update", [tenant.id]);
  await until("another waits behind it", async () => (await waitingForLocks(server.database)) > 1);
  await again();
  const release = await between;
  expect(await removedSoFar(tenant.id)).toBe(halfway + 5000);
  await running.kill();
  await release();

  // 4. After the last batch and the scan, before the end is committed.
  const tombstone = await holdLock(server.database, "select from app.tenants where id = $1 for no key update", [
    tenant.id,
  ]);
  running = await successor(tenant.id);
  await until("all rows are gone", async () => (await removedSoFar(tenant.id)) > 11_000);
  await until("it waits for a lock", async () => (await waitingForLocks(server.database)) > 0);
  await running.kill();
  await tombstone();
  expect((await operationOf(tenant.id)).status).toBe("running");

  // The last one finishes it.
  running = await successor(tenant.id);
  const ended = await until("it ends", async () => {
    const operation = await operationOf(tenant.id);
    return operation.status === "running" ? undefined : operation;
  });
  expect(ended).toMatchObject({ id, status: "succeeded", error: null });
  expect(ended.result.removed).toMatchObject({ customers: 11_000, users: 1 });
  for (const [table, { before: there, after }] of Object.entries<{ before: number; after: number }>(
    ended.result.scan,
  )) {
    expect([table, after, there]).toEqual([table, 0, ended.result.removed[table] ?? 0]);
  }
  const [left] = await server.asOwner<{ n: string }>("select count(*) as n from app.customers where tenant_id = $1", [
    tenant.id,
  ]);
  expect(left?.n).toBe("0");
  expect(await others()).toEqual(before);
  const purges = await server.asOwner("select from app.audit_log where tenant_id = $1 and action = 'purge'", [
    tenant.id,
  ]);
  expect(purges).toHaveLength(1);
}, 180_000);

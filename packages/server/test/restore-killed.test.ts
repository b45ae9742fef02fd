import { afterAll, beforeAll, expect, test } from "vitest";
import { withClient } from "../../database/test/harness/database.ts";
import { archiveOf, digestsOf, manifestOf } from "./fixture/archives.ts";
import { countUse } from "./fixture/count-use.ts";
import { servedBeside } from "./fixture/served.ts";
import { startTestServer, type TestServer } from "./fixture/server.ts";
import { until } from "./fixture/until.ts";

let server: TestServer;
const { serve, end } = servedBeside(() => server);

beforeAll(async () => {
  server = await startTestServer();
});
afterAll(async () => {
  await end();
  await server?.stop();
});

const rows = 40_000;

test("a process killed at any moment of a restore in place leaves the tenant what it was, and the next one lets go of it", async () => {
  const tenant = await server.provision();
  await server.asOwner(
    "insert into app.customers (tenant_id, id, name, notes) select $1, gen_random_uuid(), 'c' || n, repeat('x', 300) from generate_series(1, $2::int) n",
    [tenant.id, rows],
  );
  await countUse(server, tenant.id);
  const archive = await archiveOf(server, tenant.id);
  await server.asOwner("update app.customers set name = 'changed' where tenant_id = $1 and length(name) > 4", [
    tenant.id,
  ]);
  const before = digestsOf(await manifestOf(await archiveOf(server, tenant.id)));
  const token = await server.operatorToken();
  const addCustomer = () =>
    server.request("POST", `/api/customers?tenantId=${tenant.id}`, { token, body: { name: "Later" } });

  for (const moment of [
    "set constraints all deferred%",
    "delete from app.customers%",
    "insert into app.customers%",
    "copy (select%",
  ]) {
    const running = await serve();
    const accessToken = await running.operatorToken();
    const asked = fetch(`${running.url}/api/admin/restores?mode=in-place&confirm=${tenant.slug}`, {
      method: "POST",
      headers: { "content-type": "application/x-tar", authorization: `Bearer ${accessToken}` },
      body: new Uint8Array(archive),
    }).catch(() => undefined);
    // The moment is the server's last statement; the first one is over at once, so any later one will do for it.
    const at = moment.startsWith("set") ? "%" : moment;
    await withClient(server.database.cluster.adminUrl, async (client) => {
      // Without a pause between two looks: the moment is short.
      for (const deadline = Date.now() + 60_000; ; ) {
        const seen = await client.query(
          "select from pg_stat_activity where datname = $1 and application_name = 'tenantctl operatorStream' and xact_start is not null and query like $2",
          [server.database.name, at],
        );
        if (seen.rows.length > 0) return;
        if (Date.now() > deadline) throw new Error(`the restore was not seen at ${moment}`);
      }
    });
    await running.kill();
    await asked;
    await withClient(server.database.cluster.adminUrl, (client) =>
      until("PostgreSQL has noticed", async () => {
        const seen = await client.query(
          "select from pg_stat_activity where datname = $1 and application_name = 'tenantctl operatorStream'",
          [server.database.name],
        );
        return seen.rows.length === 0;
      }),
    );
    // Held until somebody finds that the process is dead.
    expect((await addCustomer()).status).toBe(503);
    await server.asOwner("update app.operations set heartbeat_at = now() - interval '1 minute' where tenant_id = $1", [
      tenant.id,
    ]);
    const next = await serve();
    const operation = await until("the next process ends it", async () => {
      const { body } = await server.request("GET", `/api/admin/operations?tenantId=${tenant.id}`, { token });
      return body[0]?.status === "failed" ? body[0] : undefined;
    });
    expect(operation.error).toContain("nothing was changed");
    await next.kill("SIGTERM");
    expect(digestsOf(await manifestOf(await archiveOf(server, tenant.id)))).toEqual(before);
  }
  await server.login(tenant.admin);
  expect((await addCustomer()).status).toBe(201);
}, 240_000);

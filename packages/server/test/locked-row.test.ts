import { afterAll, beforeAll, expect, test } from "vitest";
import { createMigratedDatabase, withClient } from "../../database/test/harness/database.ts";
import { holdRow } from "./fixture/hold-row.ts";
import { startTestServer, type TestServer } from "./fixture/server.ts";

let server: TestServer;
beforeAll(async () => {
  const database = await createMigratedDatabase();
  // Ten seconds are what a tenant's statement waits for a lock; nobody has to wait for that here.
  await withClient(database.cluster.adminUrl, (admin) =>
    admin.query(`alter role "${database.prefix}_tenant" in database "${database.name}" set lock_timeout = '500ms'`),
  );
  server = await startTestServer({ database });
});
afterAll(() => server.stop());

test("a change that waits too long for a row is told to come again, and changes nothing", async () => {
  const tenant = await server.provision();
  const made = await server.request("POST", "/api/customers", { token: tenant.token, body: { name: "Ann" } });
  const change = () =>
    server.request("PATCH", `/api/customers/${made.body.id}`, { token: tenant.token, body: { name: "Bea" } });
  const release = await holdRow(server.database, "app.customers", tenant.id);
  const refused = await change();
  expect([refused.status, refused.body.code, refused.headers.get("retry-after")]).toEqual([503, "tenant_busy", "1"]);
  expect(refused.body.detail).toBe("The rows are locked by somebody else.");
  await release();
  const [kept] = await server.asOwner("select name from app.customers where id = $1", [made.body.id]);
  expect(kept.name).toBe("Ann");
  expect((await change()).body.name).toBe("Bea");
});

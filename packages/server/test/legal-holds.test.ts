import { afterAll, beforeAll, expect, it } from "vitest";
import { purgeDueTenants } from "../src/tenants/purge-due-tenants.ts";
import { checkAnswer } from "./fixture/contract-answer.ts";
import { holdLock, holdRow, waitingForLocks } from "./fixture/hold-row.ts";
import { type Provisioned, startTestServer, type TestServer } from "./fixture/server.ts";
import { until } from "./fixture/until.ts";

let server: TestServer;
let token: string;
beforeAll(async () => {
  server = await startTestServer();
  token = await server.operatorToken();
});
afterAll(() => server.stop());

const call = (method: string, path: string, body?: object) =>
  server.request(method, `/api/admin/${path}`, { token, ...(body === undefined ? {} : { body }) });
const set = (tenant: Provisioned, reason: string) => call("PUT", `tenants/${tenant.id}/hold`, { reason });
const release = (tenant: Provisioned) => call("DELETE", `tenants/${tenant.id}/hold`);
const remove = (tenant: Provisioned, query = "") =>
  call("POST", `tenants/${tenant.id}/delete${query}`, { hardDelete: true, force: true });
const statusOf = async (tenant: Provisioned) => (await call("GET", `tenants/${tenant.id}`)).body.status;
const history = async (tenant: Provisioned): Promise<string[]> =>
  (
    await server.asOwner<{ action: string }>(
      "select action from app.audit_log where tenant_id = $1 and action like '%hold' order by at, id",
      [tenant.id],
    )
  ).map(({ action }) => action);

it("a hard delete is refused while a hold stands, naming the reason and the way out", async () => {
  const tenant = await server.provision();
  const held = await set(tenant, "case 2026-11");
  expect(held.status, held.text).toBe(200);
  checkAnswer("holds.set", 200, held.body);
  expect(held.body).toMatchObject({ slug: tenant.slug, reason: "case 2026-11", setBy: server.operator.email });
  expect((await call("GET", `tenants/${tenant.slug}`)).body.legalHold).toBe("case 2026-11");
  const listed = await call("GET", "holds");
  checkAnswer("holds.list", 200, listed.body);
  expect(listed.body).toEqual([held.body]);

  for (const query of ["", "?dryRun=true"]) {
    const refused = await remove(tenant, query);
    expect([refused.status, refused.body.code]).toEqual([409, "legal_hold"]);
    expect(refused.body.detail).toContain("case 2026-11");
    expect(refused.body.hint).toContain(`tenantctl hold release ${tenant.slug}`);
  }
  expect(await statusOf(tenant)).toBe("active");
  await server.login(tenant.admin);

  // The same again is nothing new; another reason is.
  expect((await set(tenant, "case 2026-11")).body).toEqual(held.body);
  expect((await set(tenant, "case 2026-12")).body.reason).toBe("case 2026-12");
  expect((await release(tenant)).body.reason).toBe("case 2026-12");
  const again = await release(tenant);
  expect([again.status, again.body.code]).toEqual([404, "not_found"]);
  expect(await history(tenant)).toEqual(["set_hold", "set_hold", "release_hold"]);
  expect((await remove(tenant)).status).toBe(200);
});

it("a deleted tenant under a hold is not purged when its time is over, but afterwards", async () => {
  const tenant = await server.provision();
  await call("POST", `tenants/${tenant.id}/delete`, {});
  await set(tenant, "asked for by the court");
  await server.asOwner("update app.tenants set purge_at = now() - interval '1 day' where id = $1", [tenant.id]);
  await purgeDueTenants(server.app);
  expect(await statusOf(tenant)).toBe("deleted");
  await release(tenant);
  await purgeDueTenants(server.app);
  expect((await call("GET", `tenants/${tenant.id}`)).status).toBe(404);
});

it("a hold that comes in the middle of a hard delete stops it: from its answer on no row goes", async () => {
  const tenant = await server.provision();
  await server.asOwner(
    "insert into app.customers (tenant_id, id, name) select $1, gen_random_uuid(), 'C' from generate_series(1, 12000)",
    [tenant.id],
  );
  const letGo = await holdRow(server.database, "app.customers", tenant.id);
  const removing = remove(tenant);
  const operation = async () => (await call("GET", `operations?tenantId=${tenant.id}`)).body[0];
  await until("its users are gone", async () => (await operation())?.progress.users === 1);
  await expect.poll(() => waitingForLocks(server.database), { timeout: 20_000 }).toBe(1);
  const setting = set(tenant, "found in time");
  // The removal waits for the row, the hold for the removal's batch.
  await expect.poll(() => waitingForLocks(server.database), { timeout: 20_000 }).toBeGreaterThanOrEqual(2);
  await letGo();
  expect((await setting).status).toBe(200);
  const left = async () =>
    Number(
      (
        await server.asOwner<{ n: string }>("select count(*) as n from app.customers where tenant_id = $1", [tenant.id])
      )[0]?.n,
    );
  const atOnce = await left();
  expect(atOnce).toBeGreaterThan(0);
  const stopped = await removing;
  expect([stopped.status, stopped.body.code]).toEqual([409, "legal_hold"]);
  expect(await left()).toBe(atOnce);
  expect(await operation()).toMatchObject({ status: "failed", error: expect.stringContaining("found in time") });
  expect((await remove(tenant)).body.code).toBe("legal_hold");

  await release(tenant);

  // The next one, cancelled before it removed anything, does not make the rest of the tenant whole again.
  const writer = await holdLock(server.database, "select pg_advisory_xact_lock_shared(tenancy.lock_key($1))", [
    tenant.id,
  ]);
  const cancelled = remove(tenant);
  await until("it has begun", async () => (await operation()).status === "running");
  expect((await call("POST", `operations/${(await operation()).id}/cancel`)).status).toBe(200);
  await cancelled;
  await writer();
  const undeleted = await call("POST", `tenants/${tenant.id}/undelete`);
  expect([undeleted.status, undeleted.body.code]).toEqual([409, "transition_forbidden"]);

  const finished = await remove(tenant);
  expect(finished.status, finished.text).toBe(200);
  // All runs together removed it all, and the certificate says so.
  const { result } = finished.body.operation;
  expect(result.removed.customers).toBe(12_000);
  expect(result.scan.customers).toEqual({ before: 12_000, after: 0 });
});

it("a purged tenant can be held by its id, for its backups", async () => {
  const tenant = await server.provision();
  await remove(tenant);
  expect((await set(tenant, "its backups")).body.slug).toBe(tenant.slug);
  expect((await release(tenant)).status).toBe(200);
});

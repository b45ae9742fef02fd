import { openDatabase, SYSTEM_TENANT_ID } from "@tenantctl/database";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { startServer } from "../src/server.ts";
import { purgeDueTenants } from "../src/tenants/purge-due-tenants.ts";
import { checkAnswer } from "./fixture/contract-answer.ts";
import { holdLock } from "./fixture/hold-row.ts";
import { type Provisioned, startTestServer, type TestServer } from "./fixture/server.ts";
import { until } from "./fixture/until.ts";

let server: TestServer;
let operator: string;
let tenant: Provisioned;
let other: Provisioned;
beforeAll(async () => {
  server = await startTestServer();
  operator = await server.operatorToken();
  tenant = await server.provision();
  other = await server.provision();
});
afterAll(() => server.stop());

const path = "/api/admin/maintenance";
const on = (body: object = {}) => server.request("PUT", path, { token: operator, body });
const off = (tenantId?: string) =>
  server.request("DELETE", `${path}${tenantId === undefined ? "" : `?tenantId=${tenantId}`}`, { token: operator });
const standing = async () => (await server.request("GET", path, { token: operator })).body;
afterEach(async () => {
  for (const { slug } of await standing()) await off(slug ?? undefined);
});

const read = ({ token }: { token: string }) => server.request("GET", "/api/customers", { token });
const write = ({ token }: { token: string }) =>
  server.request("POST", "/api/customers", { token, body: { name: "Somebody" } });
const history = async (id: string): Promise<string[]> =>
  (
    await server.asOwner<{ action: string }>(
      "select action from app.audit_log where tenant_id = $1 and resource_type = 'maintenance' order by at, id",
      [id],
    )
  ).map(({ action }) => action);

test("from the next request on every tenant is refused with 503 and Retry-After, and operators go on working", async () => {
  const { token: apiToken } = (
    await server.request("POST", "/api/tenants/tokens", {
      token: tenant.token,
      body: { name: "cron", scopes: ["customers:read", "customers:write"] },
    })
  ).body;
  const started = await on({ reason: "restoring from backup" });
  checkAnswer("maintenance.on", 200, started.body);
  expect(started.body).toMatchObject({
    tenantId: null,
    slug: null,
    mode: "full",
    reason: "restoring from backup",
    endsAt: null,
    setBy: server.operator.email,
    changed: true,
    writesUnderWay: 0,
  });
  for (const who of [tenant, other, { token: apiToken }]) {
    for (const reply of [await read(who), await write(who)]) {
      expect([reply.status, reply.body.code, reply.headers.get("retry-after")]).toEqual([503, "maintenance", "60"]);
      expect(reply.body.detail).toBe("The system is in maintenance: restoring from backup.");
    }
  }
  const login = await server.request("POST", "/api/auth/login", { body: tenant.admin });
  expect([login.status, login.body.code, login.headers.get("retry-after")]).toEqual([503, "maintenance", "60"]);
  // Who does not know the password learns nothing by it.
  const guess = await server.request("POST", "/api/auth/login", { body: { ...tenant.admin, password: "a wrong one" } });
  expect(guess.status).toBe(401);

  const asOperator = await server.request("POST", `/api/customers?tenantId=${tenant.slug}`, {
    token: operator,
    body: { name: "By an operator" },
  });
  expect(asOperator.status).toBe(201);
  expect((await server.request("GET", "/api/admin/tenants", { token: operator })).status).toBe(200);
  const exported = await server.request("GET", `/api/tenants/export?tenantId=${tenant.id}`, { token: operator });
  expect(exported.status).toBe(200);
  await server.login(server.operator);

  const ended = await off();
  checkAnswer("maintenance.off", 200, ended.body);
  expect(ended.body).toEqual({ tenantId: null, slug: null, changed: true, startedAt: started.body.startedAt });
  expect((await read(tenant)).status).toBe(200);
  expect((await write(other)).status).toBe(201);
  await server.login(tenant.admin);
  expect(await history(SYSTEM_TENANT_ID)).toEqual(["set", "end"]);
});

test("read-only refuses changes and nothing else: people read, log in and out, and export", async () => {
  expect((await on({ readOnly: true, reason: "moving" })).body.mode).toBe("read_only");
  const refused = await write(tenant);
  expect([refused.status, refused.body.code]).toEqual([503, "maintenance"]);
  expect(refused.body.detail).toBe("The system is in maintenance and takes no changes: moving.");
  expect((await read(tenant)).status).toBe(200);
  const session = await server.login(tenant.admin);
  const refreshed = await server.request("POST", "/api/auth/refresh", { body: { refreshToken: session.refreshToken } });
  expect(refreshed.status).toBe(200);
  expect((await server.request("GET", "/api/tenants/export", { token: session.accessToken })).status).toBe(200);
  expect((await server.request("POST", "/api/auth/logout", { token: session.accessToken })).status).toBe(200);
});

test("one tenant's maintenance is its own, outlasts the system's, and of both the stricter holds", async () => {
  await on({ tenantId: tenant.slug, readOnly: true });
  expect((await write(other)).status).toBe(201);
  expect((await read(tenant)).status).toBe(200);
  expect((await write(tenant)).body.detail).toBe("This tenant is in maintenance and takes no changes.");
  await on();
  expect((await read(tenant)).status).toBe(503);
  const both = await standing();
  checkAnswer("maintenance.list", 200, both);
  expect(both.map(({ slug, mode }: { slug: string; mode: string }) => [slug, mode])).toEqual([
    [null, "full"],
    [tenant.slug, "read_only"],
  ]);
  await off();
  expect((await write(tenant)).status).toBe(503);
  expect((await read(tenant)).status).toBe(200);
  await off(tenant.slug);
  expect((await write(tenant)).status).toBe(201);
});

test("on twice changes nothing, a new reason or end does; off where there is none is no error", async () => {
  const never = await off(other.slug);
  expect([never.status, never.body.changed, never.body.startedAt]).toEqual([200, false, null]);
  const first = await on({ tenantId: other.id, reason: "moving" });
  const again = await on({ tenantId: other.slug, reason: "moving" });
  expect([again.body.changed, again.body.startedAt]).toEqual([false, first.body.startedAt]);
  const longer = await on({ tenantId: other.slug, reason: "moving", forSeconds: 7200 });
  expect(longer.body).toMatchObject({ changed: true, startedAt: first.body.startedAt });
  const seconds = (Date.parse(longer.body.endsAt) - Date.parse(first.body.startedAt)) / 1000;
  expect(Math.abs(seconds - 7200)).toBeLessThan(60);
  expect((await read(other)).headers.get("retry-after")).toBe("600");
  expect(await history(other.id)).toEqual(["set", "set"]);
  const unknown = await on({ tenantId: "nobody-at-all" });
  expect([unknown.status, unknown.body.code]).toEqual([404, "tenant_not_found"]);
  expect((await off("nobody-at-all")).status).toBe(404);
});

test("an end that passes by the database's clock ends it, without anybody doing anything", async () => {
  await on({ forSeconds: 1 });
  expect((await read(tenant)).status).toBe(503);
  await until("the end of the maintenance", async () => ((await read(tenant)).status === 200 ? true : undefined));
  expect(await standing()).toEqual([]);
  expect((await off()).body.changed).toBe(false);
  expect((await on({ forSeconds: 3600 })).body.changed).toBe(true);
});

test("a suspended tenant stays suspended, whatever the maintenance is", async () => {
  const third = await server.provision();
  await server.request("POST", `/api/admin/tenants/${third.id}/suspend`, { token: operator });
  expect((await on({ tenantId: third.slug })).status).toBe(200);
  expect((await read(third)).body.code).toBe("tenant_suspended");
  await off(third.slug);
  expect((await read(third)).body.code).toBe("tenant_suspended");
});

test("two operators at once: each sees what the other did, and both are on record", async () => {
  const before = (await history(SYSTEM_TENANT_ID)).length;
  const replies = await Promise.all(["one", "two", "three"].map((reason) => on({ reason })));
  expect(replies.map(({ status }) => status)).toEqual([200, 200, 200]);
  expect(new Set(replies.map(({ body }) => body.startedAt)).size).toBe(1);
  const ends = await Promise.all([off(), off()]);
  expect(ends.map(({ body }) => body.changed).sort()).toEqual([false, true]);
  expect((await history(SYSTEM_TENANT_ID)).slice(before)).toEqual(["set", "set", "set", "end"]);
});

test("another process refuses at once, and one that starts later too", async () => {
  const db = await openDatabase({ url: server.database.url, prefix: server.database.prefix });
  const second = await startServer({ ...server.settings, port: 0 }, db);
  try {
    const ask = () =>
      fetch(new URL("/api/customers", second.url), { headers: { authorization: `Bearer ${tenant.token}` } });
    expect((await ask()).status).toBe(200);
    await on();
    expect((await ask()).status).toBe(503);
    await off();
    expect((await ask()).status).toBe(200);
  } finally {
    await second.stop();
    await db.close();
  }
});

test("it answers once the changes that had begun are over", async () => {
  // As every change inside the tenant holds it until it is committed.
  const lock = "select pg_advisory_xact_lock_shared(tenancy.lock_key($1))";
  const release = await holdLock(server.database, lock, [tenant.id]);
  let answered = false;
  const started = on({ tenantId: tenant.slug }).finally(() => {
    answered = true;
  });
  await until("the maintenance", async () => ((await read(tenant)).status === 503 ? true : undefined));
  expect(answered).toBe(false);
  await release();
  expect((await started).body.writesUnderWay).toBe(0);
});

test("nothing is purged by the clock meanwhile, and what operators do goes on", async () => {
  const gone = await server.provision();
  await server.request("POST", `/api/admin/tenants/${gone.id}/delete`, { token: operator, body: {} });
  await server.asOwner("update app.tenants set purge_at = now() - interval '1 hour' where id = $1", [gone.id]);
  const statusOf = async () =>
    (await server.asOwner<{ status: string }>("select status from app.tenants where id = $1", [gone.id]))[0]?.status;
  for (const place of [undefined, gone.slug]) {
    await on({ ...(place === undefined ? {} : { tenantId: place }), readOnly: true });
    await purgeDueTenants(server.app);
    expect(await statusOf()).toBe("deleted");
    await off(place);
  }
  await on();
  const removed = await server.request("POST", `/api/admin/tenants/${gone.id}/delete`, {
    token: operator,
    body: { hardDelete: true },
  });
  expect([removed.status, await statusOf()]).toEqual([200, "purged"]);
});

test("what was refused is no error that somebody has to look into, and no load on the tenant's error rate", async () => {
  await on();
  for (let request = 0; request < 5; request += 1) await read(other);
  await off();
  await server.app.errors.flush();
  expect((await server.asOwner("select 1 from app.error_groups where code = 'maintenance'")).length).toBe(0);
  await server.app.meter.flush();
  const [minute] = await server.asOwner<{ errors: string }>(
    "select coalesce(sum(errors), 0)::text as errors from app.usage_minutes where tenant_id = $1",
    [other.id],
  );
  expect(minute?.errors).toBe("0");
});

test("a tenant's details say what its users are refused by: the stricter of its own maintenance and the system's", async () => {
  const details = async () => {
    const { status, body } = await server.request("GET", `/api/admin/tenants/${tenant.slug}`, { token: operator });
    checkAnswer("tenants.get", status, body);
    return body.maintenance;
  };
  expect(await details()).toBeNull();
  await on({ tenantId: other.slug, reason: "another's" });
  expect(await details()).toBeNull();
  await on({ tenantId: tenant.slug, readOnly: true, reason: "moving house" });
  const own = await details();
  expect(own).toMatchObject({ slug: tenant.slug, mode: "read_only", reason: "moving house" });
  expect(await standing()).toContainEqual(own);
  await on({ reason: "all of it" });
  expect(await details()).toMatchObject({ slug: null, mode: "full", reason: "all of it" });
  await on({ readOnly: true, reason: "all of it" });
  await on({ tenantId: tenant.slug, reason: "moving house" });
  expect(await details()).toMatchObject({ slug: tenant.slug, mode: "full" });
});

import { afterAll, beforeAll, expect, test } from "vitest";
import { changes } from "../src/changelog/changes.ts";
import { checkAnswer } from "./fixture/contract-answer.ts";
import { type Provisioned, startTestServer, type TestServer } from "./fixture/server.ts";

let server: TestServer;
let token: string;
let tenant: Provisioned;
beforeAll(async () => {
  server = await startTestServer();
  token = await server.operatorToken();
  tenant = await server.provision({ slug: "acme-co", name: "Acme" });
});
afterAll(() => server.stop());

const call = async (method: string, path: string, body?: object) => {
  const reply = await server.request(method, `/api/admin/${path}`, {
    token,
    ...(body === undefined ? {} : { body }),
  });
  expect(reply.status, reply.text).toBeLessThan(300);
  return reply;
};
const log = async (query = ""): Promise<{ at: string; change: string; operator: string; source: string }[]> => {
  const reply = await call("GET", `changelog${query}`);
  checkAnswer("changelog.list", 200, reply.body);
  return reply.body;
};
const told = async (query = ""): Promise<string[]> => (await log(query)).map(({ change }) => change);

test("what operators change is told with the reason and the fields; what tenants do, and exports, are not", async () => {
  await call("PATCH", `tenants/${tenant.slug}`, { plan: "pro" });
  await call("POST", `tenants/${tenant.slug}/suspend`, { reason: "unpaid invoice" });
  await call("POST", `tenants/${tenant.slug}/reactivate`);
  await call("PUT", `tenants/${tenant.slug}/quotas`, { resource: "customers", limit: 5, reason: "a trial" });
  await call("PUT", "maintenance", { tenantId: tenant.slug, reason: "moving" });
  await call("DELETE", `maintenance?tenantId=${tenant.slug}`);
  await call("PUT", "maintenance", { readOnly: true });
  await call("DELETE", "maintenance");
  await call("POST", "operators", { name: "Another", email: "another@example.com", password: "another-password" });
  const { token: own } = await server.login(tenant.admin).then(({ accessToken }) => ({ token: accessToken }));
  await server.request("POST", "/api/customers", { token: own, body: { name: "A customer" } });
  await server.request("POST", "/api/tenants/tokens", { token: own, body: { name: "cron", scopes: ["audit:read"] } });
  await server.request("GET", "/api/tenants/export", { token: own });
  expect(await told()).toEqual([
    "Added operator another@example.com",
    "Ended maintenance of the system",
    "Began maintenance of the system",
    "Ended maintenance of acme-co: moving",
    "Began maintenance of acme-co: moving",
    "Changed the quota of customers of tenant acme-co: limit 5, reason a trial",
    "Reactivated tenant acme-co",
    "Suspended tenant acme-co: unpaid invoice",
    "Changed tenant acme-co: plan enterprise → pro",
    "Provisioned tenant acme-co",
    "Made the first operator root@example.com",
  ]);
  const [newest] = await log();
  expect(newest).toMatchObject({ operator: server.operator.email, source: "audit", tenantId: null });
  expect(await told(`?tenantId=${tenant.slug}`)).toHaveLength(7);
});

test("what was done elsewhere is written down, on the day that it was done, once more each time", async () => {
  const added = await call("POST", "changelog", { change: "Initial operator guide", date: "2025-12-01T00:00:00Z" });
  checkAnswer("changelog.add", 201, added.body);
  expect(added.body).toMatchObject({
    at: "2025-12-01T00:00:00.000Z",
    operator: server.operator.email,
    source: "manual",
    tenantId: null,
  });
  await call("POST", "changelog", { change: "New contract signed", tenantId: tenant.slug });
  expect((await log()).at(-1)).toEqual(added.body);
  expect((await told())[0]).toBe("New contract signed");
  expect((await told(`?tenantId=${tenant.id}`))[0]).toBe("New contract signed");
  expect(await told("?until=2026-01-01T00:00:00Z")).toEqual(["Initial operator guide"]);
  expect(await told("?since=2026-01-01T00:00:00Z")).not.toContain("Initial operator guide");
  for (const body of [
    { change: "A slip of the pen", date: "2062-12-01T00:00:00Z" },
    { change: "Nobody's", tenantId: "nobody-at-all" },
    { change: " " },
  ]) {
    const refused = await server.request("POST", "/api/admin/changelog", { token, body });
    expect([400, 404]).toContain(refused.status);
  }
  expect(await told()).not.toContain("A slip of the pen");
  expect((await server.request("GET", "/api/admin/changelog", { token: tenant.token })).status).toBe(403);
});

test("page by page it is the same list, of both sources, none twice and none left out", async () => {
  const at = "2026-02-03T00:00:00Z";
  for (let entry = 0; entry < 5; entry += 1) await call("POST", "changelog", { change: `Entry ${entry}`, date: at });
  const all = await told();
  const paged: string[] = [];
  let next: string | undefined = "changelog?limit=3";
  while (next !== undefined) {
    const reply: Awaited<ReturnType<typeof call>> = await call("GET", next);
    paged.push(...reply.body.map(({ change }: { change: string }) => change));
    next = /<\/api\/admin\/([^>]+)>/.exec(reply.headers.get("link") ?? "")?.[1];
  }
  expect(paged).toEqual(all);
});

test("a purged tenant's history stays, without what went with its data", async () => {
  const gone = await server.provision({ slug: "gone-co" });
  await call("PATCH", "tenants/gone-co", { name: "Personal Name" });
  await call("POST", "tenants/gone-co/delete", { hardDelete: true, force: true, reason: "asked for" });
  const texts = await told(`?tenantId=${gone.id}`);
  expect(texts.at(-1)).toBe("Provisioned tenant gone-co");
  expect(texts).toContain("Changed tenant gone-co");
  expect(texts.join()).not.toContain("Personal Name");
  expect(texts.some((text) => text.startsWith("Purged tenant gone-co: "))).toBe(true);
});

test("every kind of change is one that the log's index holds", async () => {
  const [{ definition } = { definition: "" }] = await server.asOwner<{ definition: string }>(
    "select pg_get_indexdef('app.audit_log_changes'::regclass) as definition",
  );
  for (const [type, actions] of Object.entries(changes)) {
    expect(definition).toContain(`'${type}'`);
    for (const action of Object.keys(actions)) expect(["export", "backup"]).not.toContain(action);
  }
});

import { afterAll, beforeAll, expect, test } from "vitest";
import { evaluateAlerts } from "../src/alerts/evaluate.ts";
import { findDrift } from "../src/quotas/find-drift.ts";
import { type Provisioned, startTestServer, type TestServer } from "./fixture/server.ts";

let server: TestServer;
let token: string;
beforeAll(async () => {
  server = await startTestServer();
  token = await server.operatorToken();
  // Where there are many tenants, only what is noted as filling is read.
  await server.asOwner(
    "insert into app.tenants (id, slug, name, plan) select gen_random_uuid(), 'many-' || n, 'Many', 'basic' from generate_series(1, 1100) n",
  );
});
afterAll(() => server?.stop());

const create = (by: Provisioned) =>
  server.request("POST", "/api/customers", { token: by.token, body: { name: "Somebody" } });
const createMany = async (by: Provisioned, count: number) => {
  for (let n = 0; n < count; n += 1) expect((await create(by)).status).toBe(201);
};
const setQuota = (tenant: Provisioned, body: object) =>
  server.request("PUT", `/api/admin/tenants/${tenant.id}/quotas`, {
    token,
    body: { resource: "customers", reason: "test", ...body },
  });
const alertsOf = async ({ id }: Provisioned) => {
  await evaluateAlerts(server.app.db);
  const rows: { rule: string; tenantId: string; evidence: { resource: string } }[] = (
    await server.request("GET", "/api/admin/alerts?status=open&limit=1000", { token })
  ).body;
  return rows
    .filter(({ rule, tenantId }) => tenantId === id && rule.startsWith("quota_"))
    .map(({ rule, evidence }) => `${rule} ${evidence.resource}`)
    .sort();
};

test("a quota that is filled by its tenant is found, and only from where the rule says", async () => {
  const tenant = await server.provision();
  await setQuota(tenant, { limit: 10 });
  await createMany(tenant, 7);
  expect(await alertsOf(tenant)).toEqual([]);
  await createMany(tenant, 1);
  expect(await alertsOf(tenant)).toEqual(["quota_near customers"]);
  await createMany(tenant, 2);
  expect(await alertsOf(tenant)).toContain("quota_reached customers");
  const status = (await server.request("GET", "/api/admin/status", { token })).body;
  expect(status.quotasNearLimit).toMatchObject([{ slug: tenant.slug, resource: "customers", used: 10, limit: 10 }]);
});

test("one that is full because its limit fell is found: by an override, by another plan, by a changed plan", async () => {
  const [overridden, moved, onPlan] = await Promise.all([server.provision(), server.provision(), server.provision()]);
  for (const tenant of [overridden, moved, onPlan]) await createMany(tenant, 4);
  const putPlan = (customers: number) =>
    server.request("PUT", "/api/admin/plans/shrinking", { token, body: { customers } });
  await putPlan(4);
  await server.request("PATCH", `/api/admin/tenants/${moved.id}`, { token, body: { plan: "shrinking" } });
  await server.request("PUT", "/api/admin/plans/later", { token, body: { customers: 1000 } });
  await server.request("PATCH", `/api/admin/tenants/${onPlan.id}`, { token, body: { plan: "later" } });
  await setQuota(overridden, { limit: 4 });
  expect(await alertsOf(overridden)).toEqual(["quota_reached customers"]);
  expect(await alertsOf(moved)).toEqual(["quota_reached customers"]);
  expect(await alertsOf(onPlan)).toEqual([]);
  await server.request("PUT", "/api/admin/plans/later", { token, body: { customers: 4 } });
  expect(await alertsOf(onPlan)).toEqual(["quota_reached customers"]);
});

test("one that is full because its override ended is found, though nobody did anything", async () => {
  const tenant = await server.provision();
  await server.request("PUT", "/api/admin/plans/tiny", { token, body: { customers: 3 } });
  await server.request("PATCH", `/api/admin/tenants/${tenant.id}`, { token, body: { plan: "tiny" } });
  await setQuota(tenant, { limit: 1000, expiresAt: new Date(Date.now() + 3_600_000).toISOString() });
  await createMany(tenant, 3);
  expect(await alertsOf(tenant)).toEqual([]);
  await server.asOwner("update app.quota_overrides set expires_at = now() - interval '1 second' where tenant_id = $1", [
    tenant.id,
  ]);
  expect(await alertsOf(tenant)).toEqual(["quota_reached customers"]);
});

test("a rule that asks for less than half of a quota is answered all the same", async () => {
  const tenant = await server.provision();
  await setQuota(tenant, { limit: 100 });
  await createMany(tenant, 4);
  await server.request("PUT", "/api/admin/alert-rules/early", {
    token,
    body: { metric: "quota_used", threshold: 4, severity: "info" },
  });
  await evaluateAlerts(server.app.db);
  const [alert] = (await server.request("GET", "/api/admin/alerts?rule=early&limit=1000", { token })).body.filter(
    ({ tenantId }: { tenantId: string }) => tenantId === tenant.id,
  );
  expect(alert).toMatchObject({ value: 4 });
  await server.request("DELETE", "/api/admin/alert-rules/early", { token });
});

test("what was changed past the API is found within the round, and what emptied is forgotten", async () => {
  const tenant = await server.provision();
  await setQuota(tenant, { limit: 10 });
  const noted = () =>
    server.asOwner("select resource from app.filling_quotas where tenant_id = $1 order by resource", [tenant.id]);
  await server.asOwner("update app.usage_counters set used = 10 where tenant_id = $1 and resource = 'customers'", [
    tenant.id,
  ]);
  expect(await noted()).toEqual([]);
  await findDrift(server.app);
  expect(await noted()).toEqual([{ resource: "customers" }]);
  expect(await alertsOf(tenant)).toContain("quota_reached customers");
  await server.request("POST", "/api/admin/quotas/recount", { token, body: { tenant: tenant.id } });
  expect(await noted()).toEqual([]);
  await createMany(tenant, 5);
  expect(await noted()).toEqual([{ resource: "customers" }]);
  const [{ body: rows }] = [await server.request("GET", "/api/customers", { token: tenant.token })];
  for (const { id } of rows) await server.request("DELETE", `/api/customers/${id}`, { token: tenant.token });
  await findDrift(server.app);
  expect(await noted()).toEqual([]);
});

test("requests of a day are found near their quota, too", async () => {
  const tenant = await server.provision();
  await server.request("PUT", `/api/admin/tenants/${tenant.id}/quotas`, {
    token,
    body: { resource: "api_requests_per_day", limit: 10, reason: "test" },
  });
  for (let n = 0; n < 9; n += 1) await server.request("GET", "/api/customers", { token: tenant.token });
  await server.app.limits.flush();
  expect(await alertsOf(tenant)).toEqual(["quota_near api_requests_per_day"]);
});

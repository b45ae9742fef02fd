import { afterAll, beforeAll, expect, test } from "vitest";
import { evaluateAlerts } from "../src/alerts/evaluate.ts";
import { findDrift } from "../src/quotas/find-drift.ts";
import { type Provisioned, startTestServer, type TestServer } from "./fixture/server.ts";

let server: TestServer;
let token: string;
beforeAll(async () => {
  server = await startTestServer();
  token = await server.operatorToken();
});
afterAll(() => server?.stop());

const create = (by: Provisioned, name: string) =>
  server.request("POST", "/api/customers", { token: by.token, body: { name, notes: "n".repeat(name.length * 50) } });
const recount = async (body: object, query = "") =>
  (await server.request("POST", `/api/admin/quotas/recount${query}`, { token, body })).body;
const spoil = (id: string, resource: string, used: number) =>
  server.asOwner("update app.usage_counters set used = $3 where tenant_id = $1 and resource = $2", [
    id,
    resource,
    used,
  ]);
const usage = async (id: string) => {
  const quotas: { resource: string; used: number }[] = (
    await server.request("GET", `/api/tenants/quotas?tenantId=${id}`, { token })
  ).body;
  const kept = quotas.filter(({ resource }) => resource !== "api_requests_per_day");
  return Object.fromEntries(kept.map(({ resource, used }) => [resource, used]));
};
const recountsOf = async (id: string) =>
  (await server.request("GET", `/api/audit-logs?tenantId=${id}&action=recount`, { token })).body;

test("a recount mends what drifted, says what it found, and is audited only where it changed something", async () => {
  const tenant = await server.provision();
  await create(tenant, "one");
  const right = await usage(tenant.id);
  expect(await recount({ tenant: tenant.slug })).toEqual({
    dryRun: false,
    counted: 1,
    drifted: [],
    failed: [],
    next: null,
  });
  expect(await recountsOf(tenant.id)).toEqual([]);

  await spoil(tenant.id, "customers", 40);
  await server.asOwner("delete from app.usage_counters where tenant_id = $1 and resource = 'users'", [tenant.id]);
  const seen = { tenantId: tenant.id, slug: tenant.slug };
  const rehearsed = await recount({ tenant: tenant.id }, "?dryRun=true");
  expect(rehearsed.drifted).toEqual([
    { ...seen, resource: "customers", counter: 40, counted: 1, mended: false },
    { ...seen, resource: "users", counter: 0, counted: 1, mended: false },
  ]);
  expect(await usage(tenant.id)).toMatchObject({ customers: 40 });
  const mended = await recount({ tenant: tenant.id });
  expect(mended.drifted).toEqual(rehearsed.drifted.map((one: object) => ({ ...one, mended: true })));
  expect(await usage(tenant.id)).toEqual(right);
  expect(await recountsOf(tenant.id)).toMatchObject([
    { resourceType: "quota", before: { customers: 40, users: 0 }, after: { customers: 1, users: 1 } },
  ]);
  expect((await recount({ tenant: "there-is-none" })).code).toBe("tenant_not_found");
});

test("counters mended while customers are made and removed are exact afterwards, with two recounts at once", async () => {
  const busy = await server.provision();
  const other = await server.provision();
  await create(other, "its own");
  const before = await usage(other.id);
  await spoil(other.id, "customers", 9);
  const first = await Promise.all(Array.from({ length: 12 }, (_, i) => create(busy, `first ${i}`)));
  for (const wrong of [5000, 0, 3]) {
    await spoil(busy.id, "customers", wrong);
    await spoil(busy.id, "storage_bytes", wrong * 100);
    const gone = first.splice(0, 4);
    const [made, , counts] = await Promise.all([
      Promise.all(Array.from({ length: 15 }, (_, i) => create(busy, `more ${i}`))),
      Promise.all(gone.map(({ body }) => server.request("DELETE", `/api/customers/${body.id}`, { token: busy.token }))),
      Promise.all([recount({ tenant: busy.id }), recount({ tenant: busy.id }), recount({ tenant: busy.id })]),
    ]);
    expect(made.map(({ status }) => status)).toEqual(made.map(() => 201));
    expect(counts.map(({ failed }) => failed)).toEqual([[], [], []]);
    const [{ there }] = await server.asOwner("select count(*)::int as there from app.customers where tenant_id = $1", [
      busy.id,
    ]);
    expect(await usage(busy.id)).toMatchObject({ customers: there });
    expect((await recount({ tenant: busy.id }, "?dryRun=true")).drifted).toEqual([]);
  }
  // Of another tenant nothing was touched, and its counter stays wrong until it is asked for.
  expect(await usage(other.id)).toEqual({ ...before, customers: 9 });
  expect(await recountsOf(other.id)).toEqual([]);
});

test("without a tenant all are counted, batch after batch, each once", async () => {
  const tenants = await Promise.all([0, 1, 2].map(() => server.provision()));
  for (const { id } of tenants) await spoil(id, "users", 8);
  const drifted: string[] = [];
  let counted = 0;
  for (let after: string | null | undefined; after !== null; ) {
    const batch = await recount(after === undefined ? {} : { after });
    counted += batch.counted;
    drifted.push(...batch.drifted.map(({ tenantId }: { tenantId: string }) => tenantId));
    after = batch.next;
  }
  const [{ all }] = await server.asOwner("select count(*)::int - 1 as all from app.tenants where status <> 'purged'");
  expect(counted).toBe(all);
  expect(drifted).toEqual(expect.arrayContaining(tenants.map(({ id }) => id)));
  const again = await recount({}, "?dryRun=true");
  expect(again.drifted).toEqual([]);
});

test("the hourly look finds drift, an alert, the checklists and the diagnosis say it, and a recount ends it", async () => {
  const tenant = await server.provision();
  await create(tenant, "one");
  await findDrift(server.app);
  const drift = () =>
    server.asOwner("select resource, counter::int, counted::int from app.quota_drift where tenant_id = $1", [
      tenant.id,
    ]);
  expect(await drift()).toEqual([]);

  await spoil(tenant.id, "customers", 7);
  await findDrift(server.app);
  expect(await drift()).toEqual([{ resource: "customers", counter: 7, counted: 1 }]);
  const alerts = async () => {
    await evaluateAlerts(server.app.db);
    const { body } = await server.request("GET", "/api/admin/alerts?rule=quota_drift&status=open", { token });
    return body.filter(({ tenantId }: { tenantId: string }) => tenantId === tenant.id);
  };
  expect(await alerts()).toMatchObject([
    { tenantId: tenant.id, severity: "warning", next: `tenantctl quotas recount ${tenant.slug}` },
  ]);
  for (const cadence of ["weekly", "monthly"]) {
    const run = (await server.request("POST", "/api/admin/checks", { token, body: { cadence } })).body;
    const told = run.items.filter(({ evidence }: { evidence: string[] }) =>
      evidence.some((line) => line.includes(`${tenant.slug}: customers says 7, there are 1`)),
    );
    expect(told).toHaveLength(1);
  }
  const diagnosis = (await server.request("GET", `/api/admin/diagnose/quota?tenantId=${tenant.slug}`, { token })).body;
  const said = diagnosis.items.find(({ id }: { id: string }) => id === "customers");
  expect(said.evidence.join("\n")).toContain("the counter says 7, there are 1");
  expect(said.next).toBe(`tenantctl quotas recount ${tenant.slug}`);

  await recount({ tenant: tenant.id });
  expect(await drift()).toEqual([]);
  expect(await alerts()).toEqual([]);
});

test("the look comes through all tenants, though nothing was changed through the API", async () => {
  const tenant = await server.provision();
  await findDrift(server.app);
  await server.asOwner("update app.quota_round set changes_until = now() + interval '1 minute'");
  await spoil(tenant.id, "storage_bytes", 1);
  await findDrift(server.app);
  expect(await server.asOwner("select resource from app.quota_drift where tenant_id = $1", [tenant.id])).toEqual([
    { resource: "storage_bytes" },
  ]);
  // What is right again by itself is no longer said.
  await server.asOwner("update app.quota_drift set counter = 0, counted = 0");
  await recount({ tenant: tenant.id });
  await server.asOwner(
    "insert into app.quota_drift (tenant_id, resource, counter, counted) values ($1, 'storage_bytes', 1, 2)",
    [tenant.id],
  );
  await findDrift(server.app);
  expect(await server.asOwner("select from app.quota_drift where tenant_id = $1", [tenant.id])).toEqual([]);
});

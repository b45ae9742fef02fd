import { afterAll, beforeAll, expect, test } from "vitest";
import { ownerRow } from "./fixture/as-owner.ts";
import { startTestServer, type TestServer } from "./fixture/server.ts";

let server: TestServer;
let token: string;

beforeAll(async () => {
  server = await startTestServer();
  token = await server.operatorToken();
});
afterAll(() => server.stop());

const request = (method: string, path: string, body?: object) =>
  server.request(method, `/api/admin/${path}`, { token, ...(body === undefined ? {} : { body }) });
const auditCount = async (id: string): Promise<unknown> =>
  ownerRow(server.database, "select count(*) as n from app.audit_log where tenant_id = $1", [id]);

const addCustomers = async (tenantToken: string, count: number): Promise<number[]> => {
  const replies = await Promise.all(
    Array.from({ length: count }, () =>
      server.request("POST", "/api/customers", { token: tenantToken, body: { name: "O'Brien; --" } }),
    ),
  );
  return replies.map(({ status }) => status);
};

test("name, contact and plan change, with what was before in the audit log", async () => {
  const tenant = await server.provision({ plan: "basic" });
  const changed = await request("PATCH", `tenants/${tenant.slug}`, {
    name: " O'Brien; -- ",
    contactEmail: "New@Example.com",
    plan: "pro",
  });
  expect(changed.status).toBe(200);
  expect(changed.body).toMatchObject({
    name: "O'Brien; --",
    contactEmail: "new@example.com",
    plan: "pro",
    changed: true,
    dryRun: false,
    sessionsEnded: 0,
  });
  const { before, after } = await ownerRow<{ before: object; after: object }>(
    server.database,
    `select before, after from app.audit_details d join app.audit_log l on l.tenant_id = d.tenant_id and l.id = d.audit_id
     where l.tenant_id = $1 and l.action = 'update' and l.resource_type = 'tenant'`,
    [tenant.id],
  );
  expect(before).toMatchObject({ plan: "basic" });
  expect(after).toEqual({ name: "O'Brien; --", contactEmail: "new@example.com", plan: "pro" });

  const rows = await auditCount(tenant.id);
  expect((await request("PATCH", `tenants/${tenant.id}`, { plan: "pro" })).body.changed).toBe(false);
  expect((await request("PATCH", `tenants/${tenant.id}`, {})).body.changed).toBe(false);
  const dry = await request("PATCH", `tenants/${tenant.id}?dryRun=true`, { plan: "enterprise" });
  expect(dry.body).toMatchObject({ plan: "enterprise", changed: true, dryRun: true });
  expect((await request("GET", `tenants/${tenant.id}`)).body.plan).toBe("pro");
  expect(await auditCount(tenant.id)).toEqual(rows);
  const unknown = await request("PATCH", `tenants/${tenant.id}`, { plan: "gold" });
  expect([unknown.status, unknown.body.code]).toEqual([404, "not_found"]);
  const blank = await request("PATCH", `tenants/${tenant.id}`, { name: "  " });
  expect([blank.status, blank.body.code]).toEqual([400, "invalid_request"]);
});

test("a plan below what is in use is refused and says what is over; an override lets it pass", async () => {
  const made = await request("PUT", "plans/tiny", { users: 5, customers: 2, storageBytes: 1_000_000 });
  expect(made.status).toBe(201);
  const tenant = await server.provision({ plan: "basic" });
  expect(await addCustomers(tenant.token, 3)).toEqual([201, 201, 201]);
  for (const query of ["", "?dryRun=true"]) {
    const refused = await request("PATCH", `tenants/${tenant.id}${query}`, { plan: "tiny" });
    expect([refused.status, refused.body.code]).toEqual([409, "plan_too_small"]);
    expect(refused.body.detail).toMatch(/3 customers, allowed are 2/);
    expect(refused.body.detail).not.toMatch(/users|storage/);
  }
  await request("PUT", `tenants/${tenant.id}/quotas`, { resource: "customers", limit: 3, reason: "migration" });
  expect((await request("PATCH", `tenants/${tenant.id}`, { plan: "tiny" })).status).toBe(200);
  expect(await addCustomers(tenant.token, 1)).toEqual([409]);
  // Out of a plan that has become too small one may go up, however far.
  await request("PUT", "plans/tiny", { customers: 0 });
  await request("PUT", "plans/small", { users: 5, customers: 1 });
  await request("PUT", `tenants/${tenant.id}/quotas`, { resource: "customers", usePlan: true, reason: "done" });
  expect((await request("PATCH", `tenants/${tenant.id}`, { plan: "small" })).status).toBe(200);
});

test("creating while the plan goes down never ends above the new limit", async () => {
  await request("PUT", "plans/ten", { customers: 10 });
  for (let round = 0; round < 3; round += 1) {
    const tenant = await server.provision({ plan: "basic" });
    const [, change] = await Promise.all([
      addCustomers(tenant.token, 20),
      request("PATCH", `tenants/${tenant.id}`, { plan: "ten" }),
    ]);
    const { n } = await ownerRow<{ n: string }>(
      server.database,
      "select count(*) as n from app.customers where tenant_id = $1",
      [tenant.id],
    );
    if (change.status === 200) expect(Number(n)).toBe(10);
    else expect([change.status, change.body.code, Number(n)]).toEqual([409, "plan_too_small", 20]);
  }
});

test("quotas: an override holds until it expires, and going back to the plan is one call", async () => {
  const tenant = await server.provision({ plan: "basic" });
  const set = (body: object) =>
    request("PUT", `tenants/${tenant.id}/quotas`, { resource: "users", reason: "asked", ...body });
  const expiresAt = new Date(Date.now() + 3_600_000).toISOString();
  const overridden = await set({ limit: 2, expiresAt });
  expect(overridden.status).toBe(200);
  const [users] = overridden.body;
  expect(users).toEqual({ resource: "users", used: 1, limit: 2, percentage: 50, source: "override", expiresAt });
  const rows = await auditCount(tenant.id);
  expect((await set({ limit: 2, expiresAt })).status).toBe(200);
  expect(await auditCount(tenant.id)).toEqual(rows);

  const seen = await server.request("GET", "/api/tenants/quotas", { token: tenant.token });
  expect(seen.body).toMatchObject([users, { resource: "customers" }, { resource: "storage_bytes" }, {}]);
  const user = (name: string) =>
    server.request("POST", "/api/tenants/users", {
      token: tenant.token,
      body: { name, email: `${name}@x.example`, password: "password123", role: "support_agent" },
    });
  expect((await user("second")).status).toBe(201);
  expect((await user("third")).body.code).toBe("quota_exceeded");

  const expired = await ownerRow(
    server.database,
    "update app.quota_overrides set expires_at = now() - interval '1 second' where tenant_id = $1 returning resource",
    [tenant.id],
  );
  expect(expired).toEqual({ resource: "users" });
  expect((await server.request("GET", "/api/tenants/quotas", { token: tenant.token })).body[0]).toMatchObject({
    limit: 5,
    source: "plan",
    expiresAt: null,
  });
  expect((await user("third")).status).toBe(201);

  expect((await set({ limit: null })).body[0]).toMatchObject({ limit: null, percentage: null, source: "override" });
  expect((await set({ usePlan: true })).body[0]).toMatchObject({ limit: 5, used: 3, percentage: 60, source: "plan" });
  for (const body of [
    {},
    { limit: 1, usePlan: true },
    { limit: 1, expiresAt: "2020-01-01T00:00:00Z" },
    { limit: -1 },
  ]) {
    const bad = await set(body);
    expect([bad.status, bad.body.code]).toEqual([400, "invalid_request"]);
  }
  const tenantsOwn = await server.request("PUT", `/api/admin/tenants/${tenant.id}/quotas`, {
    token: tenant.token,
    body: { resource: "users", limit: 100, reason: "please" },
  });
  expect(tenantsOwn.status).toBe(403);
});

test("API requests of today count against their quota", async () => {
  const tenant = await server.provision({ plan: "basic" });
  const used = async (): Promise<number> =>
    (await request("GET", `tenants/${tenant.id}`)).body.quotas.find(
      ({ resource }: { resource: string }) => resource === "api_requests_per_day",
    ).used;
  for (let n = 0; n < 3; n += 1) await server.request("GET", "/api/customers", { token: tenant.token });
  await server.app.limits.flush();
  await expect.poll(used, { timeout: 10_000 }).toBeGreaterThanOrEqual(3);
});

test("plans: shipped ones are listed; a new one is created and changed, audited with before and after", async () => {
  const { body: plans } = await request("GET", "plans");
  expect(plans.map(({ name }: { name: string }) => name)).toEqual(
    expect.arrayContaining(["basic", "enterprise", "pro"]),
  );
  const created = await request("PUT", "plans/gold", { displayName: "Gold", customers: 7 });
  expect(created.status).toBe(201);
  expect(created.body).toMatchObject({ name: "gold", displayName: "Gold", customers: 7, users: null, tenants: 0 });
  const changed = await request("PUT", "plans/gold", { customers: 8 });
  expect([changed.status, changed.body.customers, changed.body.displayName]).toEqual([200, 8, "Gold"]);
  await request("PUT", "plans/gold", { customers: 8 });
  await server.provision({ plan: "gold" });
  const { body: after } = await request("GET", "plans");
  expect(after.find(({ name }: { name: string }) => name === "gold")).toMatchObject({ tenants: 1 });
  const rows = await ownerRow<{ all: object }>(
    server.database,
    `select json_agg(json_build_array(d.before, d.after) order by l.at) as all from app.audit_log l
     join app.audit_details d on d.tenant_id = l.tenant_id and d.audit_id = l.id
     where l.resource_type = 'plan' and l.resource_id = 'gold'`,
  );
  expect(rows.all).toEqual([
    [null, { displayName: "Gold", customers: 7 }],
    [{ customers: 7 }, { customers: 8 }],
  ]);
  const raced = await Promise.all([1, 2, 3, 4].map((users) => request("PUT", "plans/raced", { users })));
  expect(raced.map(({ status }) => status).sort()).toEqual([200, 200, 200, 201]);
});

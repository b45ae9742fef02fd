import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { withClient } from "../../database/test/harness/database.ts";
import { startTestServer, type TestServer } from "./fixture/server.ts";

let server: TestServer;
let token: string;

beforeAll(async () => {
  server = await startTestServer();
  token = await server.operatorToken();
});
afterAll(() => server.stop());

const guide = {
  name: "Company Name",
  contactEmail: "Contact@Company.com",
  adminName: "Admin Name",
  adminEmail: " Admin@company.com".trim(),
  adminPassword: "secure_password",
  plan: "basic",
};

const provision = (fields: object = {}, headers: Record<string, string> = {}, query = "") =>
  server.request("POST", `/api/admin/tenants/provision${query}`, { token, body: { ...guide, ...fields }, headers });

const rows = <T extends object>(text: string, values: unknown[] = []): Promise<T[]> =>
  withClient(server.database.url, async (client) => (await client.query<T>(text, values)).rows);

test("the guide's body makes a tenant whose administrator can log in", async () => {
  const { status, body } = await provision();
  expect(status).toBe(201);
  expect(body).toMatchObject({
    slug: "company-name",
    name: "Company Name",
    status: "active",
    plan: "basic",
    contactEmail: "contact@company.com",
    dryRun: false,
    deletedAt: null,
    purgeAt: null,
  });
  expect(body.createdAt).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  await server.login({ email: "admin@company.com", password: "secure_password", tenant: "company-name" });

  const details = await server.request("GET", "/api/admin/tenants/company-name", { token });
  expect(details.status).toBe(200);
  expect(details.body).toMatchObject({ id: body.id, users: 1, activeSessions: 1 });
  expect(details.body.lastLoginAt).toMatch(/Z$/);
  expect(details.body.quotas).toMatchObject([
    { resource: "users", used: 1, limit: 5, percentage: 20, source: "plan", expiresAt: null },
    { resource: "customers", used: 0, limit: 1000, percentage: 0 },
    { resource: "storage_bytes", limit: 1073741824 },
    { resource: "api_requests_per_day", limit: 50000 },
  ]);
  expect(details.body.quotas[2].used).toBeGreaterThan(0);
  const users = await server.request("GET", `/api/admin/tenants/${body.id}/users`, { token });
  expect(users.body).toMatchObject([{ id: body.adminId, email: "admin@company.com", role: "tenant_admin" }]);

  const audit = await rows("select action, resource_type, outcome from app.audit_log where tenant_id = $1", [body.id]);
  expect(audit).toContainEqual({ action: "create", resource_type: "tenant", outcome: "success" });
});

test.each([
  ["Müller & Söhne GmbH", "muller-sohne-gmbh"],
  ["  Straße Nr. 5 ", "strasse-nr-5"],
  ["O'Brien; -- drop table", "obrien-drop-table"],
  ["株式会社", /^tenant-[a-z2-9]{4}$/],
  ["12345", /^tenant-[a-z2-9]{4}$/],
  ["X", "tenant-x"],
  ["Admin", "tenant-admin"],
  ["a".repeat(200), "a".repeat(55)],
  ["01890000-0000-7000-8000-00000000000a", "tenant-01890000-0000-7000-8000-00000000000a"],
])("the name %j becomes a slug", async (name, slug) => {
  const { status, body } = await provision({ name });
  expect(status).toBe(201);
  expect(body.slug).toMatch(typeof slug === "string" ? new RegExp(`^${slug}$`) : slug);
  expect(body.name).toBe(name.trim());
});

test("a derived slug that is taken gets a number, also when many ask at once", async () => {
  const replies = await Promise.all(Array.from({ length: 8 }, () => provision({ name: "Twins" })));
  expect(replies.map(({ status }) => status)).toEqual(Array(8).fill(201));
  expect(replies.map(({ body }) => body.slug).sort()).toEqual(
    ["twins", ...[2, 3, 4, 5, 6, 7, 8].map((number) => `twins-${number}`)].sort(),
  );
});

test("an explicit slug that is taken is a conflict; reserved and id-shaped ones are refused", async () => {
  expect((await provision({ slug: "chosen" })).status).toBe(201);
  const taken = await provision({ slug: "chosen" });
  expect(taken.status).toBe(409);
  expect(taken.body.code).toBe("slug_taken");
  for (const slug of ["admin", "system", randomUUID(), "UPPER", "a--b", "-a", "x"]) {
    const refused = await provision({ slug });
    expect([slug, refused.status, refused.body.code]).toEqual([slug, 400, "invalid_request"]);
  }
});

test("a weak password, an unknown plan and a blank name write nothing", async () => {
  const before = await rows<{ n: string }>("select count(*) as n from app.tenants");
  const weak = await provision({ name: "Weak", adminPassword: "short" });
  expect([weak.status, weak.body.code]).toEqual([400, "weak_password"]);
  for (const adminPassword of ["Longer Name Ltd", "longer-name-ltd", "admin@company.com"]) {
    const equal = await provision({ name: "Longer Name Ltd", adminPassword });
    expect([equal.status, equal.body.code]).toEqual([400, "weak_password"]);
  }
  const plan = await provision({ name: "No plan", plan: "gold" });
  expect([plan.status, plan.body.code]).toEqual([404, "not_found"]);
  const blank = await provision({ name: "   " });
  expect([blank.status, blank.body.code]).toEqual([400, "invalid_request"]);
  expect(await rows("select count(*) as n from app.tenants")).toEqual(before);
});

test("a dry run says what would be made and makes nothing", async () => {
  const before = await rows("select (select count(*) from app.tenants) t, (select count(*) from app.audit_log) a");
  const { status, body } = await provision({ name: "Rehearsal" }, { "idempotency-key": "dry" }, "?dryRun=true");
  expect(status).toBe(200);
  expect(body).toMatchObject({ slug: "rehearsal", dryRun: true });
  expect(await rows("select (select count(*) from app.tenants) t, (select count(*) from app.audit_log) a")).toEqual(
    before,
  );
  expect((await server.request("GET", `/api/admin/tenants/${body.id}`, { token })).status).toBe(404);
});

test("twenty requests under one Idempotency-Key make one tenant and get one answer", async () => {
  const headers = { "idempotency-key": randomUUID() };
  const replies = await Promise.all(Array.from({ length: 20 }, () => provision({ name: "Once" }, headers)));
  expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([201]));
  expect(new Set(replies.map(({ text }) => text)).size).toBe(1);
  expect(await rows("select id from app.tenants where name = 'Once'")).toHaveLength(1);
  const audit = await rows("select 1 as one from app.audit_log where tenant_id = $1 and action = 'create'", [
    replies[0]?.body.id,
  ]);
  expect(audit).toHaveLength(1);

  const other = await provision({ name: "Once", adminPassword: "another_password" }, headers);
  expect([other.status, other.body.code]).toEqual([422, "idempotency_mismatch"]);
  const reordered = Object.fromEntries(Object.entries({ ...guide, name: "Once" }).reverse());
  const again = await server.request("POST", "/api/admin/tenants/provision", { token, body: reordered, headers });
  expect(again.text).toBe(replies[0]?.text);
  // Nothing of the password is in what is kept, as text or as a plain hash.
  const [kept] = await rows<{ text: string }>(
    "select k::text as text from app.idempotency_keys k where tenant_id = $1",
    [replies[0]?.body.id],
  );
  expect(kept?.text).not.toMatch(/secure_password|argon2/);
});

test("an Idempotency-Key is another's own, is used again after a failure, and expires after a day", async () => {
  const headers = { "idempotency-key": "retry-me" };
  const failed = await provision({ name: "Retry", plan: "gold" }, headers);
  expect(failed.status).toBe(404);
  const first = await provision({ name: "Retry" }, headers);
  expect(first.status).toBe(201);
  await rows("update app.idempotency_keys set created_at = now() - interval '25 hours'");
  const second = await provision({ name: "Retry" }, headers);
  expect(second.status).toBe(201);
  expect(second.body.slug).toBe("retry-2");
  const bad = await provision({ name: "Retry" }, { "idempotency-key": "x".repeat(256) });
  expect([bad.status, bad.body.code]).toEqual([400, "invalid_request"]);
});

test("a value of the wrong form is told what it must be, and one that may be null nothing about null", async () => {
  const told = async (body: Record<string, unknown>) => (await provision(body)).body.faults;
  expect(await told({ contactEmail: "nobody" })).toEqual([
    { path: "body.contactEmail", message: "must be an e-mail address such as ann@example.com" },
  ]);
  expect(await told({ name: "two\nlines" })).toEqual([
    { path: "body.name", message: expect.stringMatching(/^must be one line with something to be seen/) },
  ]);
  expect(await told({ slug: "Upper Case" })).toEqual([
    { path: "body.slug", message: expect.stringMatching(/^must be lower-case letters and digits/) },
  ]);
  expect(await told({ adminPassword: "" })).toEqual([
    { path: "body.adminPassword", message: "must NOT have fewer than 1 characters" },
  ]);
});

describe("without a password", () => {
  const redeem = (secret: string, newPassword: string) =>
    server.request("POST", "/api/auth/redeem", { body: { secret, newPassword } });

  test("the answer holds a secret that sets the first one, once, within seven days", async () => {
    const { status, body } = await provision({ name: "Invited", adminPassword: null });
    expect(status).toBe(201);
    const days = (Date.parse(body.adminSecretExpiresAt) - Date.now()) / 86_400_000;
    expect(days).toBeGreaterThan(6.9);
    expect(days).toBeLessThanOrEqual(7.1);
    const login = await server.request("POST", "/api/auth/login", {
      body: { email: "admin@company.com", password: "", tenant: "invited" },
    });
    expect(login.status).toBe(400);
    expect((await redeem(body.adminSecret, "invited")).body.code).toBe("weak_password");
    expect((await redeem(body.adminSecret, "a password of mine")).status).toBe(200);
    await server.login({ email: "admin@company.com", password: "a password of mine", tenant: "invited" });
    expect((await redeem(body.adminSecret, "another of mine")).body.code).toBe("reset_invalid");
  });

  test("the secret stands in no table and no repeat, and a dry run has none", async () => {
    const headers = { "idempotency-key": randomUUID() };
    const dry = await provision({ name: "Kept secret", adminPassword: null }, {}, "?dryRun=true");
    expect([dry.status, dry.body.adminSecret]).toEqual([200, null]);
    const first = await provision({ name: "Kept secret", adminPassword: null }, headers);
    const again = await provision({ name: "Kept secret", adminPassword: null }, headers);
    expect(again.body).toEqual({ ...first.body, adminSecret: null, adminSecretExpiresAt: null });
    const [stored] = await rows<{ text: string }>(
      `select concat_ws(' ', (select string_agg(k::text, ' ') from app.idempotency_keys k),
        (select string_agg(r::text, ' ') from app.password_resets r), (select string_agg(l::text, ' ') from app.audit_log l),
        (select string_agg(d::text, ' ') from app.audit_details d)) as text`,
    );
    expect(stored?.text).toContain("a reset secret was issued");
    expect(stored?.text).not.toContain(first.body.adminSecret.slice(-43));
  });

  test("a password that is left out altogether is still a fault", async () => {
    const { status, body } = await provision({ name: "Forgot", adminPassword: undefined });
    expect([status, body.code]).toEqual([400, "invalid_request"]);
  });
});

test("a repeat under its key gets its answer although the slug is taken by then, and another key does not", async () => {
  const headers = { "idempotency-key": randomUUID() };
  const first = await provision({ slug: "repeated" }, headers);
  const again = await provision({ slug: "repeated" }, headers);
  expect([again.status, again.text]).toEqual([201, first.text]);
  const other = await provision({ slug: "repeated" }, { "idempotency-key": randomUUID() });
  expect([other.status, other.body.code]).toEqual([409, "slug_taken"]);
});

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { asOwner, ownerRow } from "./fixture/as-owner.ts";
import { checkAnswer } from "./fixture/contract-answer.ts";
import { type Provisioned, startTestServer, type TestServer } from "./fixture/server.ts";

let server: TestServer;
let tenant: Provisioned;

beforeAll(async () => {
  server = await startTestServer();
  tenant = await server.provision();
});
afterAll(() => server?.stop());

let made = 0;
const person = (fields: object = {}) => {
  made += 1;
  return {
    name: `User ${made}`,
    email: `user${made}@example.com`,
    password: "password123",
    role: "support_agent",
    ...fields,
  };
};
const call = (method: string, path: string, body?: object, token = tenant.token) =>
  server.request(method, path, { token, ...(body === undefined ? {} : { body }) });
const create = (fields: object = {}, token = tenant.token) => call("POST", "/api/tenants/users", person(fields), token);
const auditOf = async (id: string) => (await call("GET", `/api/audit-logs?resourceType=user&resourceId=${id}`)).body;
const userCounter = async (id: string) =>
  (
    await ownerRow<{ used: string }>(
      server.database,
      "select coalesce((select used from app.usage_counters where tenant_id = $1 and resource = 'users'), 0) as used",
      [id],
    )
  ).used;

describe("users", () => {
  test("are created as in the guide, shown, listed, changed and deleted", async () => {
    const { password, ...fields } = person({ name: "User Name", email: "User@Company.com" });
    const reply = await call("POST", "/api/tenants/users", { ...fields, password });
    expect(reply.status).toBe(201);
    checkAnswer("users.create", 201, reply.body);
    expect(reply.text).not.toMatch(/password123|argon2/);
    const { id } = reply.body;
    expect(reply.body).toMatchObject({ name: "User Name", email: "user@company.com", disabled: false });
    expect((await call("GET", `/api/tenants/users/${id}`)).body).toEqual(reply.body);
    const { body: list } = await call("GET", "/api/tenants/users");
    checkAnswer("users.list", 200, list);
    expect(list[0]).toEqual(reply.body);
    const { body: changed } = await call("PATCH", `/api/tenants/users/${id}`, { name: "Other", email: "OTHER@x.com" });
    checkAnswer("users.update", 200, changed);
    expect(changed).toEqual({
      ...reply.body,
      name: "Other",
      email: "other@x.com",
      updatedAt: changed.updatedAt,
      tokensLeft: 0,
    });
    const { body: gone } = await call("DELETE", `/api/tenants/users/${id}`);
    expect(gone).toEqual(changed);
    expect((await call("GET", `/api/tenants/users/${id}`)).body.code).toBe("not_found");
    const rows = await auditOf(id);
    expect(rows.map((row: { action: string }) => row.action)).toEqual(["delete", "update", "create"]);
    expect(rows[1]).toMatchObject({
      before: { name: "User Name", email: "user@company.com" },
      after: { name: "Other", email: "other@x.com" },
    });
    expect(JSON.stringify(rows)).not.toMatch(/password123|argon2/);
  });

  test("a change that changes nothing leaves no audit row", async () => {
    const { body: user } = await create();
    const same = await call("PATCH", `/api/tenants/users/${user.id}`, { name: user.name, disabled: false });
    expect(same.body).toEqual({ ...user, tokensLeft: 0 });
    expect((await call("PATCH", `/api/tenants/users/${user.id}`, {})).body).toEqual(same.body);
    expect(await auditOf(user.id)).toHaveLength(1);
  });

  test("have e-mails of their own within a tenant, in any case; another tenant may have the same", async () => {
    const { body: user } = await create();
    const same = await create({ email: user.email.toUpperCase() });
    expect([same.status, same.body.code]).toEqual([409, "email_taken"]);
    const { body: second } = await create();
    expect((await call("PATCH", `/api/tenants/users/${second.id}`, { email: user.email })).body.code).toBe(
      "email_taken",
    );
    const other = await server.provision();
    expect((await create({ email: user.email }, other.token)).status).toBe(201);
  });

  test("of another tenant are not there", async () => {
    const other = await server.provision();
    const { body: theirs } = await create({}, other.token);
    const path = `/api/tenants/users/${theirs.id}`;
    expect((await call("GET", path)).status).toBe(404);
    expect((await call("PATCH", path, { name: "Mine" })).status).toBe(404);
    expect((await call("POST", `${path}/reset-password`, { newPassword: "new_password" })).status).toBe(404);
    expect((await call("DELETE", path)).status).toBe(404);
    expect((await call("GET", path, undefined, other.token)).body).toEqual(theirs);
  });

  test.each([
    [{ password: "short" }, "weak_password"],
    [{ email: "long.enough@example.com", password: "Long.Enough@example.com" }, "weak_password"],
    [{ password: "x".repeat(100_000) }, "invalid_request"],
    [{ role: "super_admin" }, "invalid_request"],
    [{ email: "nobody" }, "invalid_request"],
    [{ name: "a\u0007b" }, "invalid_request"],
    [{ disabled: true }, "invalid_request"],
  ])("%j is refused", async (fields, code) => {
    const reply = await create(fields);
    expect([reply.status, reply.body.code]).toEqual([400, code]);
  });

  test("are listed in pages, each once, and by role", async () => {
    const many = await server.provision();
    await asOwner(server.database, (client) =>
      client.query(
        `insert into app.users (tenant_id, id, email, name, role)
         select $1, gen_random_uuid(), 'u' || n || '@x.example', 'U' || n, 'support_agent' from generate_series(1, 11) n`,
        [many.id],
      ),
    );
    const { body: whole } = await call("GET", "/api/tenants/users", undefined, many.token);
    expect(whole).toHaveLength(12);
    const paged = [];
    let next: string | undefined = "/api/tenants/users?limit=5";
    while (next !== undefined) {
      const page: Awaited<ReturnType<typeof call>> = await call("GET", next, undefined, many.token);
      paged.push(...page.body);
      next = /^<([^>]+)>/.exec(page.headers.get("link") ?? "")?.[1];
    }
    expect(paged).toEqual(whole);
    const { body: admins } = await call("GET", "/api/tenants/users?role=tenant_admin", undefined, many.token);
    expect(admins.map((user: { email: string }) => user.email)).toEqual([many.admin.email]);
  });

  test("beyond the plan's limit are refused, and the counter follows", async () => {
    const small = await server.provision({ plan: "basic" });
    const before = Number(await userCounter(small.id));
    expect(before).toBe(1);
    const replies = await Promise.all(Array.from({ length: 9 }, () => create({}, small.token)));
    expect(replies.filter((reply) => reply.status === 201)).toHaveLength(4);
    const refused = replies.filter((reply) => reply.status !== 201);
    expect(new Set(refused.map((reply) => `${reply.status} ${reply.body.code}`))).toEqual(
      new Set(["409 quota_exceeded"]),
    );
    const { body: users } = await call("GET", "/api/tenants/users", undefined, small.token);
    expect(users).toHaveLength(5);
    expect((await call("DELETE", `/api/tenants/users/${users[0].id}`, undefined, small.token)).status).toBe(200);
    expect(await userCounter(small.id)).toBe("4");
    expect((await create({}, small.token)).status).toBe(201);
  });
});

describe("the last tenant_admin", () => {
  test("can't be demoted, disabled or deleted; with another one they can", async () => {
    const own = await server.provision();
    const { body: admins } = await call("GET", "/api/tenants/users", undefined, own.token);
    const path = `/api/tenants/users/${admins[0].id}`;
    for (const [method, body] of [
      ["PATCH", { role: "support_agent" }],
      ["PATCH", { disabled: true }],
      ["DELETE", undefined],
    ] as const) {
      const reply = await call(method, path, body, own.token);
      expect([reply.status, reply.body.code]).toEqual([409, "last_admin"]);
    }
    expect((await call("PATCH", path, { name: "Still changeable" }, own.token)).status).toBe(200);
    const { body: disabled } = await create({ role: "tenant_admin" }, own.token);
    await call("PATCH", `/api/tenants/users/${disabled.id}`, { disabled: true }, own.token);
    expect((await call("DELETE", path, undefined, own.token)).body.code).toBe("last_admin");
    await call("PATCH", `/api/tenants/users/${disabled.id}`, { disabled: false }, own.token);
    expect((await call("DELETE", path, undefined, own.token)).status).toBe(200);
  });

  test("remains when two demote each other at once", async () => {
    for (let round = 0; round < 5; round += 1) {
      const own = await server.provision();
      const second = person({ role: "tenant_admin" });
      const { body: b } = await call("POST", "/api/tenants/users", second, own.token);
      const { accessToken } = await server.login({ email: second.email, password: second.password, tenant: own.slug });
      const { body: users } = await call("GET", "/api/tenants/users", undefined, own.token);
      const a = users.find((user: { id: string }) => user.id !== b.id);
      const replies = await Promise.all([
        call("PATCH", `/api/tenants/users/${b.id}`, { role: "support_agent" }, own.token),
        call("PATCH", `/api/tenants/users/${a.id}`, { role: "support_agent" }, accessToken),
      ]);
      expect(replies.filter((reply) => reply.status === 200)).toHaveLength(1);
      // The other one lost the race, or its session had ended with its role.
      const lost = replies.find((reply) => reply.status !== 200);
      expect(["last_admin", "session_ended"]).toContain(lost?.body.code);
      const { count } = await ownerRow<{ count: string }>(
        server.database,
        "select count(*) from app.users where tenant_id = $1 and role = 'tenant_admin'",
        [own.id],
      );
      expect(count).toBe("1");
    }
  });
});

describe("sessions", () => {
  test.each([
    ["a new role", { role: "tenant_admin" }],
    ["being disabled", { disabled: true }],
  ])("%s ends them on the next request", async (_, change) => {
    const agent = person();
    const { body: user } = await call("POST", "/api/tenants/users", agent);
    const { accessToken } = await server.login({ email: agent.email, password: agent.password, tenant: tenant.slug });
    expect((await call("GET", "/api/customers", undefined, accessToken)).status).toBe(200);
    expect((await call("PATCH", `/api/tenants/users/${user.id}`, change)).status).toBe(200);
    const refused = await call("GET", "/api/customers", undefined, accessToken);
    expect([refused.status, refused.body.code]).toEqual([401, "session_ended"]);
  });

  test("a new name leaves them alone", async () => {
    const agent = person();
    const { body: user } = await call("POST", "/api/tenants/users", agent);
    const { accessToken } = await server.login({ email: agent.email, password: agent.password, tenant: tenant.slug });
    await call("PATCH", `/api/tenants/users/${user.id}`, { name: "Another" });
    expect((await call("GET", "/api/customers", undefined, accessToken)).status).toBe(200);
  });
});

describe("resetting a password", () => {
  const loginWith = (email: string, password: string) =>
    server.request("POST", "/api/auth/login", { body: { email, password, tenant: tenant.slug } });

  test("with a new one: it works at once, the old one and its sessions do not", async () => {
    const agent = person();
    const { body: user } = await call("POST", "/api/tenants/users", agent);
    const { accessToken } = await server.login({ email: agent.email, password: agent.password, tenant: tenant.slug });
    const path = `/api/tenants/users/${user.id}/reset-password`;
    const reply = await call("POST", path, { newPassword: "new_password" });
    checkAnswer("users.resetPassword", 200, reply.body);
    expect(reply.body).toEqual({ userId: user.id, sessionsEnded: 1, secret: null, expiresAt: null });
    expect((await call("GET", "/api/customers", undefined, accessToken)).body.code).toBe("session_ended");
    expect((await loginWith(agent.email, agent.password)).status).toBe(401);
    expect((await loginWith(agent.email, "new_password")).status).toBe(200);
    expect((await call("POST", path, { newPassword: "short" })).body.code).toBe("weak_password");
    const [row] = await auditOf(user.id);
    expect(row).toMatchObject({ action: "reset_password", detail: "a new password was set" });
    expect(JSON.stringify(row)).not.toContain("new_password");
  });

  test("without: a secret that works once, replaces earlier ones and is stored as a hash", async () => {
    const agent = person();
    const { body: user } = await call("POST", "/api/tenants/users", agent);
    const path = `/api/tenants/users/${user.id}/reset-password`;
    const { body: first } = await call("POST", path);
    const { body: second } = await call("POST", path, {});
    checkAnswer("users.resetPassword", 200, second);
    const lifetime = Date.parse(second.expiresAt) - Date.now();
    expect(lifetime).toBeGreaterThan(50 * 60_000);
    expect(lifetime).toBeLessThan(70 * 60_000);
    const stored = await ownerRow<{ text: string }>(
      server.database,
      "select string_agg(r::text, ' ') as text from app.password_resets r where user_id = $1",
      [user.id],
    );
    expect(stored.text).not.toContain(second.secret);
    const redeem = (secret: string) =>
      server.request("POST", "/api/auth/redeem", { body: { secret, newPassword: "redeemed_password" } });
    expect((await redeem(first.secret)).body.code).toBe("reset_invalid");
    expect((await redeem(second.secret)).status).toBe(200);
    expect((await redeem(second.secret)).body.code).toBe("reset_invalid");
    expect((await loginWith(agent.email, "redeemed_password")).status).toBe(200);
    expect(JSON.stringify(await auditOf(user.id))).not.toContain(second.secret);
  });
});

test("an operator manages a tenant's users with ?tenantId=", async () => {
  const token = await server.operatorToken();
  const path = `/api/tenants/users?tenantId=${tenant.slug}`;
  const reply = await server.request("POST", path, { token, body: person() });
  expect(reply.status).toBe(201);
  const { body: users } = await server.request("GET", path, { token });
  expect(users[0].id).toBe(reply.body.id);
  expect((await auditOf(reply.body.id))[0].actor).toMatchObject({ type: "operator" });
});

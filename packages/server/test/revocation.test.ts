import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Provisioned, startTestServer, type TestServer } from "./fixture/server.ts";

/** Whoever loses access, in every way there is: the very next request on an old token is refused. */
describe("revocation", () => {
  let server: TestServer;
  let tenant: Provisioned;
  let operator: string;

  const call = async (method: string, path: string, token: string, body?: unknown) => {
    const reply = await server.request(method, path, { token, body });
    expect([method, path, reply.status < 300, reply.text]).toEqual([method, path, true, reply.text]);
    return reply.body;
  };
  const newUser = async (role: string) => {
    const email = `u${Math.random().toString(36).slice(2)}@example.com`;
    const password = "a users password";
    const user = await call("POST", "/api/tenants/users", tenant.token, { name: "U", email, password, role });
    const credentials = { email, password, tenant: tenant.slug };
    return { id: user.id, credentials, token: (await server.login(credentials)).accessToken };
  };
  const customers = async (name: string) =>
    (await server.asOwner("select count(*)::int as count from app.customers where name = $1", [name]))[0].count;
  /** A read and a write are refused with this code, and the write leaves nothing behind. */
  const expectRefused = async (token: string, code: string) => {
    const name = `written with ${token.slice(-12)}`;
    const read = await server.request("GET", "/api/customers", { token });
    const write = await server.request("POST", "/api/customers", { token, body: { name } });
    expect([read.body.code, write.body.code]).toEqual([code, code]);
    expect(await customers(name)).toBe(0);
  };
  const expectServed = async (token: string) => {
    const name = `served with ${token.slice(-12)}`;
    expect((await server.request("GET", "/api/customers", { token })).status).toBe(200);
    expect((await server.request("POST", "/api/customers", { token, body: { name } })).status).toBe(201);
    expect(await customers(name)).toBe(1);
  };

  beforeAll(async () => {
    server = await startTestServer();
    tenant = await server.provision();
    operator = await server.operatorToken();
  });
  afterAll(() => server.stop());

  it.each<[string, (user: { id: string; token: string }) => Promise<unknown>]>([
    ["logging out", ({ token }) => call("POST", "/api/auth/logout", token)],
    [
      "a password reset",
      ({ id }) =>
        call("POST", `/api/tenants/users/${id}/reset-password`, tenant.token, { newPassword: "new_password" }),
    ],
    ["a reset by secret", ({ id }) => call("POST", `/api/tenants/users/${id}/reset-password`, tenant.token, {})],
    ["another role", ({ id }) => call("PATCH", `/api/tenants/users/${id}`, tenant.token, { role: "tenant_admin" })],
    ["being disabled", ({ id }) => call("PATCH", `/api/tenants/users/${id}`, tenant.token, { disabled: true })],
    ["being removed", ({ id }) => call("DELETE", `/api/tenants/users/${id}`, tenant.token)],
    [
      "the end of the session's life",
      () =>
        server.asOwner(
          "update app.sessions set expires_at = now() - interval '1 ms' where user_id in (select id from app.users where email like 'u%')",
        ),
    ],
  ])("%s refuses the next request of a user", async (_, revoke) => {
    const user = await newUser("support_agent");
    await expectServed(user.token);
    await revoke(user);
    await expectRefused(user.token, "session_ended");
  });

  it("a changed password ends the other sessions and keeps the one it was changed with", async () => {
    const user = await newUser("support_agent");
    const other = (await server.login(user.credentials)).accessToken;
    const body = { currentPassword: user.credentials.password, newPassword: "another password" };
    expect(await call("POST", "/api/auth/password", user.token, body)).toEqual({ sessionsEnded: 1 });
    await expectRefused(other, "session_ended");
    await expectServed(user.token);
  });

  it("suspending and cancelling a tenant refuses its users and tokens, and reactivating brings no session back", async () => {
    const other = await server.provision();
    const { token } = await call("POST", "/api/tenants/tokens", other.token, {
      name: "sync",
      scopes: ["customers:read", "customers:write"],
    });
    await expectServed(other.token);
    await expectServed(token);
    await call("POST", `/api/admin/tenants/${other.id}/suspend`, operator);
    await expectRefused(other.token, "tenant_suspended");
    await expectRefused(token, "tenant_suspended");
    await call("POST", `/api/admin/tenants/${other.id}/cancel`, operator);
    await expectRefused(other.token, "tenant_cancelled");
    await call("POST", `/api/admin/tenants/${other.id}/reactivate`, operator);
    await expectRefused(other.token, "session_ended");
    await call("POST", `/api/admin/tenants/${other.id}/delete`, operator);
    await expectRefused(other.token, "session_ended");
    await expectRefused(token, "token_invalid");
  });

  it("revoking a tenant's token refuses its next request", async () => {
    const made = await call("POST", "/api/tenants/tokens", tenant.token, {
      name: "sync",
      scopes: ["customers:read", "customers:write"],
    });
    await expectServed(made.token);
    await call("DELETE", `/api/tenants/tokens/${made.id}`, tenant.token);
    await expectRefused(made.token, "token_invalid");
  });

  it("disabling an operator refuses their sessions and tokens, in tenants too", async () => {
    const password = "second-operator";
    const second = await call("POST", "/api/admin/operators", operator, {
      name: "Second",
      email: "second@example.com",
      password,
    });
    const { accessToken } = await server.login({ email: "second@example.com", password });
    const { token } = await call("POST", "/api/admin/tokens", accessToken, { name: "all", scopes: ["all"] });
    const paths = ["/api/admin/tenants", `/api/customers?tenantId=${tenant.slug}`];
    for (const path of paths) for (const used of [accessToken, token]) await call("GET", path, used);
    await call("POST", `/api/admin/operators/${second.id}/disable`, operator);
    for (const path of paths) {
      expect((await server.request("GET", path, { token: accessToken })).body.code).toBe("session_ended");
      expect((await server.request("GET", path, { token })).body.code).toBe("token_invalid");
    }
    const name = "written by a disabled operator";
    const write = await server.request("POST", `/api/customers?tenantId=${tenant.slug}`, { token, body: { name } });
    expect([write.status, await customers(name)]).toEqual([401, 0]);
    await call("POST", `/api/admin/operators/${second.id}/enable`, operator);
    expect((await server.request("GET", "/api/admin/tenants", { token })).body.code).toBe("token_invalid");
    expect((await server.request("GET", "/api/admin/tenants", { token: accessToken })).body.code).toBe("session_ended");
  });

  it("tokens of a tenant outlive whoever made them; the answer says how many still work", async () => {
    const { id, token, slug } = await server.provision();
    const make = (by: string, path: string, expiresInDays: number) =>
      call("POST", path, by, { name: "sync", scopes: ["customers:read", "customers:write"], expiresInDays });
    const tenantTokens = `/api/tenants/tokens?tenantId=${slug}`;
    const email = "leaver@example.com";
    const user = await call("POST", "/api/tenants/users", token, {
      ...{ name: "Leaver", email, password: "leaving soon", role: "tenant_admin" },
    });
    const session = await server.login({ email, password: "leaving soon", tenant: slug });
    const [kept, revoked, expired] = [
      await make(session.accessToken, "/api/tenants/tokens", 1),
      await make(session.accessToken, "/api/tenants/tokens", 1),
      await make(session.accessToken, "/api/tenants/tokens", 1),
    ];
    await call("DELETE", `/api/tenants/tokens/${revoked.id}`, token);
    await server.asOwner(
      "update app.api_tokens set expires_at = now() - interval '1 ms' where tenant_id = $1 and id = $2",
      [id, expired.id],
    );
    const patch = (body: object) => call("PATCH", `/api/tenants/users/${user.id}`, token, body);
    expect(await patch({ disabled: true })).toMatchObject({ disabled: true, tokensLeft: 1 });
    expect(await patch({ disabled: true })).toMatchObject({ tokensLeft: 1 });
    await expectServed(kept.token);
    expect(await call("DELETE", `/api/tenants/users/${user.id}`, token)).toMatchObject({ tokensLeft: 1 });

    const password = "third-operator";
    const third = await call("POST", "/api/admin/operators", operator, {
      name: "T",
      email: "third@example.com",
      password,
    });
    const { accessToken } = await server.login({ email: "third@example.com", password });
    const made = await make(accessToken, tenantTokens, 1);
    expect(await call("POST", `/api/admin/operators/${third.id}/disable`, operator)).toMatchObject({ tokensLeft: 1 });
    await expectServed(made.token);
    await call("DELETE", `/api/tenants/tokens/${made.id}`, token);
    expect(await call("POST", `/api/admin/operators/${third.id}/disable`, operator)).toMatchObject({ tokensLeft: 0 });
  });

  it("writes under way while access ends are all served or all refused, never refused and kept", async () => {
    const user = await newUser("support_agent");
    const writes = Array.from({ length: 40 }, (_, n) =>
      server.request("POST", "/api/customers", { token: user.token, body: { name: `race ${user.id} ${n}` } }),
    );
    const disabled = call("PATCH", `/api/tenants/users/${user.id}`, tenant.token, { disabled: true });
    const replies = await Promise.all(writes);
    await disabled;
    for (const [n, reply] of replies.entries()) {
      expect([201, 401]).toContain(reply.status);
      expect(await customers(`race ${user.id} ${n}`)).toBe(reply.status === 201 ? 1 : 0);
    }
    await expectRefused(user.token, "session_ended");
  });
});

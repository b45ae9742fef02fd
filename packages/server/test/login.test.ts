import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { type Provisioned, startTestServer, type TestServer } from "./fixture/server.ts";
import { until } from "./fixture/until.ts";

describe("logging in", () => {
  let server: TestServer;
  let tenant: Provisioned;
  const post = (body: unknown) => server.request("POST", "/api/auth/login", { body });

  beforeAll(async () => {
    server = await startTestServer();
    tenant = await server.provision();
  });
  afterAll(() => server.stop());

  it("works with the tenant's slug, its id in any case, and the e-mail in any case", async () => {
    const { email, password } = tenant.admin;
    for (const name of [tenant.slug, tenant.id, tenant.id.toUpperCase()]) {
      const session = await server.login({ email: email.toUpperCase(), password, tenant: name });
      expect(session).toMatchObject({ expiresIn: 900, mustChangePassword: false });
      const me = await server.request("GET", "/api/auth/me", { token: session.accessToken });
      expect(me.body).toMatchObject({ kind: "user", email, role: "tenant_admin", tenantId: tenant.id });
    }
  });

  it("without a tenant is an operator's", async () => {
    const me = await server.request("GET", "/api/auth/me", { token: await server.operatorToken() });
    expect(me.body).toMatchObject({
      kind: "operator",
      email: server.operator.email,
      role: "operator",
      tenantId: null,
      mustChangePassword: false,
    });
  });

  it("tells an unknown tenant, an unknown account, a wrong password and a disabled account apart by nothing, and compares a password each time", async () => {
    const disabled = { name: "Gone", email: "gone@example.com", password: "gone-for-now", role: "support_agent" };
    const user = await server.request("POST", "/api/tenants/users", { token: tenant.token, body: disabled });
    expect(user.status).toBe(201);
    const path = `/api/tenants/users/${user.body.id}`;
    expect((await server.request("PATCH", path, { token: tenant.token, body: { disabled: true } })).status).toBe(200);
    const compared = vi.spyOn(server.app.passwords, "verify");
    const { admin } = tenant;
    const attempts = [
      { ...admin, tenant: "no-such-tenant" },
      { ...admin, tenant: "not a slug at all" },
      { ...admin, tenant: "00000000-0000-7000-8000-000000000000" },
      { ...admin, tenant: "system" },
      { ...admin, email: "nobody@example.com" },
      { ...admin, password: "a wrong password" },
      { email: disabled.email, password: disabled.password, tenant: tenant.slug },
      { ...server.operator, tenant: tenant.slug },
      { email: admin.email, password: admin.password },
      { ...server.operator, password: "a wrong password" },
      { ...server.operator, tenant: "no-such-tenant" },
    ];
    const answers = new Set<string>();
    for (const attempt of attempts) {
      const { status, body } = await post(attempt);
      const { requestId: _, ...rest } = body;
      answers.add(JSON.stringify({ status, rest }));
    }
    expect([...answers]).toHaveLength(1);
    expect([...answers][0]).toContain('"status":401,"rest":{"type":"urn:tenantctl:error:invalid_credentials"');
    expect(compared).toHaveBeenCalledTimes(attempts.length);
    compared.mockRestore();
  });

  it("says that a tenant is suspended or cancelled only to those who know the password", async () => {
    const other = await server.provision();
    const token = await server.operatorToken();
    const attempt = (password: string) => post({ ...other.admin, password });
    for (const [step, code] of [
      ["suspend", "tenant_suspended"],
      ["cancel", "tenant_cancelled"],
    ]) {
      await server.request("POST", `/api/admin/tenants/${other.id}/${step}`, { token });
      expect((await attempt("a wrong password")).body.code).toBe("invalid_credentials");
      const right = await attempt(other.admin.password);
      expect([right.status, right.body.code]).toEqual([403, code]);
    }
    await server.request("POST", `/api/admin/tenants/${other.id}/delete`, { token });
    expect((await attempt(other.admin.password)).body.code).toBe("invalid_credentials");
  });

  it("is audited with its outcome, a failure in the tenant's log, that of an unknown tenant in the system's", async () => {
    const other = await server.provision();
    await post({ ...other.admin, password: "a wrong password" });
    await post({ ...other.admin, email: "typo@example.com", tenant: "no-such-tenant-either" });
    const token = await server.operatorToken();
    const rows = await until("both are recorded", async () => {
      const { body } = await server.request("GET", `/api/audit-logs?tenantId=${other.id}&action=login`, { token });
      return body.length === 2 ? body : undefined;
    });
    expect(rows).toMatchObject([
      { outcome: "failure", resourceType: "session", actor: { type: "anonymous", name: other.admin.email } },
      { outcome: "success", resourceType: "session", actor: { type: "user", name: other.admin.email } },
    ]);
    expect(rows[0].detail).toBe("wrong password");
    const system = await until("it is recorded", async () => {
      const { body } = await server.request("GET", "/api/audit-logs?action=login&actor=typo@example.com", { token });
      return body[0];
    });
    expect(system).toMatchObject({ tenantId: null, outcome: "failure", detail: "no such tenant" });
  });

  it("folds failures of one account from one address within a minute into few rows that count them all", async () => {
    const other = await server.provision();
    for (let n = 0; n < 4; n += 1) await post({ ...other.admin, password: "a wrong password" });
    await server.app.refusals.flush();
    const rows = await server.asOwner(
      "select sum(occurrences)::int as failures, count(*)::int as rows from app.audit_log where tenant_id = $1 and outcome = 'failure'",
      [other.id],
    );
    expect(rows[0].failures).toBe(4);
    expect(rows[0].rows).toBeLessThan(4);
  });

  it("refuses absurd input as such, before any password is compared", async () => {
    const compared = vi.spyOn(server.app.passwords, "verify");
    const { admin } = tenant;
    for (const body of [
      { ...admin, password: "x".repeat(100_000) },
      { ...admin, password: "nul\0byte" },
      { ...admin, password: 12345678 },
      { ...admin, password: "" },
      { ...admin, email: "no-at-sign" },
      { ...admin, tenant: "" },
      { ...admin, more: true },
      { password: admin.password },
    ]) {
      const { status, body: problem } = await post(body);
      expect([status, problem.code]).toEqual([400, "invalid_request"]);
    }
    expect(compared).not.toHaveBeenCalled();
    compared.mockRestore();
  });

  it("works for many shells at once with one account, since none of them fails", async () => {
    const other = await server.provision();
    const replies = await Promise.all(Array.from({ length: 20 }, () => post(other.admin)));
    expect(replies.map(({ status }) => status)).toEqual(Array(20).fill(200));
    expect(new Set(replies.map(({ body }) => body.refreshToken)).size).toBe(20);
  });

  it("takes SQL in any field as text", async () => {
    const odd = "'; drop table app.users; --";
    for (const body of [
      { ...tenant.admin, password: odd },
      { ...tenant.admin, email: `x'or'1'='1@example.com` },
      { ...tenant.admin, tenant: odd },
    ]) {
      expect((await post(body)).body.code).toBe("invalid_credentials");
    }
    await server.login(tenant.admin);
  });

  it("keeps e-mails, addresses and passwords out of what it counts by", async () => {
    await post({ ...tenant.admin, password: "a wrong password" });
    const keys = await server.asOwner("select key from app.login_throttles");
    expect(keys.length).toBeGreaterThan(0);
    for (const { key } of keys) expect(key).toMatch(/^(pair:[\w-]{43}|account|address):[\w-]{43}$/);
  });
});

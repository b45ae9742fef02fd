import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { endedSessionsCleanup } from "../src/auth/ended-sessions-cleanup.ts";
import { checkPassword, createPasswords } from "../src/auth/passwords.ts";
import { type Provisioned, startTestServer, type TestServer } from "./fixture/server.ts";

describe("passwords", () => {
  const passwords = createPasswords({ passwordMinLength: 8 });

  it("of eight to 128 characters that are not the account's own e-mail, name or slug are taken, the guide's three too", () => {
    const owner = { email: "admin@company.com", name: "Admin Name", slug: "company-name" };
    for (const good of ["secure_password", "password123", "new_password", "x".repeat(128), "😀".repeat(8)]) {
      expect(() => passwords.check(good, owner)).not.toThrow();
    }
    for (const bad of [
      "",
      "1234567",
      "😀".repeat(7),
      "x".repeat(129),
      "Admin@Company.com",
      "ADMIN NAME",
      "company-name",
    ]) {
      expect(() => passwords.check(bad, owner)).toThrow(expect.objectContaining({ code: "weak_password" }));
    }
    expect(() => checkPassword("elevenchars", 12, {})).toThrow(expect.objectContaining({ code: "weak_password" }));
  });

  it("are hashed with argon2id at 19 MiB, and match however a keyboard composes them", async () => {
    const hash = await passwords.hash("caf\u00e9-au-lait");
    expect(hash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    expect(await passwords.verify(hash, "cafe\u0301-au-lait")).toBe(true);
    expect(await passwords.verify(hash, "cafe-au-lait")).toBe(false);
    expect(await passwords.verify(null, "cafe-au-lait")).toBe(false);
    expect(passwords.needsRehash(hash)).toBe(false);
    expect(passwords.needsRehash(hash.replace("m=19456", "m=4096"))).toBe(true);
  });

  it("beyond what can be hashed within a second or so are refused with a time to try again", async () => {
    const results = await Promise.allSettled(Array.from({ length: 400 }, () => passwords.verify(null, "a password")));
    const refused = results.filter((result) => result.status === "rejected");
    expect(refused.length).toBeGreaterThan(100);
    expect(refused[0]?.reason).toMatchObject({ code: "overloaded", retryAfter: 2 });
    expect(await passwords.verify(null, "a password")).toBe(false);
  });
});

describe("setting a new password", () => {
  let server: TestServer;
  let tenant: Provisioned;
  const change = (token: string, currentPassword: string, newPassword: string) =>
    server.request("POST", "/api/auth/password", { token, body: { currentPassword, newPassword } });
  const redeem = (secret: string, newPassword = "a redeemed password") =>
    server.request("POST", "/api/auth/redeem", { body: { secret, newPassword } });
  const resetSecret = async (of: Provisioned): Promise<string> => {
    const me = (await server.request("GET", "/api/auth/me", { token: of.token })).body;
    const path = `/api/tenants/users/${me.id}/reset-password`;
    return (await server.request("POST", path, { token: of.token, body: {} })).body.secret;
  };

  beforeAll(async () => {
    server = await startTestServer();
    tenant = await server.provision();
  });
  afterAll(() => server.stop());

  it("takes the current one, a good new one, and is audited", async () => {
    const { admin, id, token } = await server.provision();
    const wrong = await change(token, "not the password", "another password");
    expect([wrong.status, wrong.body.code]).toEqual([401, "invalid_credentials"]);
    expect((await change(token, admin.password, admin.tenant)).body.code).toBe("weak_password");
    expect((await change(token, admin.password, "another password")).body).toEqual({ sessionsEnded: 0 });
    await server.login({ ...admin, password: "another password" });
    expect((await server.request("POST", "/api/auth/login", { body: admin })).status).toBe(401);
    const rows = await server.request("GET", `/api/audit-logs?tenantId=${id}&action=change_password&outcome=success`, {
      token,
    });
    expect(rows.body).toMatchObject([{ resourceType: "user", actor: { type: "user", name: admin.email } }]);
  });

  it("works for operators too", async () => {
    const session = await server.login(server.operator);
    const other = await server.login(server.operator);
    const reply = await change(session.accessToken, server.operator.password, "another operators password");
    expect(reply.body.sessionsEnded).toBeGreaterThanOrEqual(1);
    expect((await server.request("GET", "/api/auth/me", { token: other.accessToken })).status).toBe(401);
    expect((await change(session.accessToken, "another operators password", server.operator.password)).status).toBe(
      200,
    );
    server = await server.restart();
  });

  it("gives a stolen session no more guesses than the front door", async () => {
    const { token } = await server.provision();
    const statuses: number[] = [];
    for (let n = 0; n < 6; n += 1) statuses.push((await change(token, `guess number ${n}`, "another password")).status);
    expect(statuses).toEqual([401, 401, 401, 401, 401, 429]);
  });

  it("is all that an account may do that has to; after it everything is open again", async () => {
    const { admin, id } = await server.provision();
    await server.asOwner("update app.users set must_change_password = true where tenant_id = $1", [id]);
    const session = await server.login(admin);
    expect(session.mustChangePassword).toBe(true);
    const token = session.accessToken;
    const refused = await server.request("GET", "/api/customers", { token });
    expect([refused.status, refused.body.code]).toEqual([403, "password_change_required"]);
    expect((await server.request("GET", "/api/auth/me", { token })).body.mustChangePassword).toBe(true);
    expect((await change(token, admin.password, "a new password")).status).toBe(200);
    const next = await server.request("POST", "/api/auth/refresh", { body: { refreshToken: session.refreshToken } });
    expect(next.body.mustChangePassword).toBe(false);
    expect((await server.request("GET", "/api/customers", { token: next.body.accessToken })).status).toBe(200);
  });

  it("can be asked of a user who is made, or whose password is reset, by somebody else", async () => {
    const { admin, slug, token } = await server.provision();
    const user = { name: "Ann", email: "ann@example.com", password: "handed over" };
    const made = await server.request("POST", "/api/tenants/users", {
      token,
      body: { ...user, role: "support_agent", mustChangePassword: true },
    });
    expect([made.status, made.body.mustChangePassword]).toEqual([201, true]);
    const login = async (password: string) => {
      const session = await server.login({ email: user.email, password, tenant: slug });
      const seen = await server.request("GET", "/api/customers", { token: session.accessToken });
      return { ...session, status: seen.status };
    };
    const first = await login(user.password);
    expect([first.mustChangePassword, first.status]).toEqual([true, 403]);
    expect((await change(first.accessToken, user.password, "a password of her own")).status).toBe(200);
    expect((await login("a password of her own")).status).toBe(200);
    const reset = (body: object) =>
      server.request("POST", `/api/tenants/users/${made.body.id}/reset-password`, { token, body });
    expect((await reset({ newPassword: "handed over again", mustChangePassword: true })).status).toBe(200);
    expect((await login("handed over again")).status).toBe(403);
    expect((await reset({ newPassword: "handed over for good" })).status).toBe(200);
    expect((await login("handed over for good")).status).toBe(200);
    expect((await server.login(admin)).mustChangePassword).toBe(false);
  });

  it("with a reset secret works once, and is audited as the user's own act", async () => {
    const other = await server.provision();
    const secret = await resetSecret(other);
    expect((await redeem(secret, other.slug)).body.code).toBe("weak_password");
    const replies = await Promise.all([redeem(secret), redeem(secret)]);
    expect(replies.map(({ status }) => status).sort()).toEqual([200, 401]);
    const { accessToken: token } = await server.login({ ...other.admin, password: "a redeemed password" });
    const rows = await server.request("GET", "/api/audit-logs?action=redeem_reset&outcome=success", { token });
    expect(rows.body).toMatchObject([{ resourceType: "user", actor: { type: "user", name: other.admin.email } }]);
  });

  it("with a secret is refused when it is nonsense, another tenant's, or the tenant does not serve", async () => {
    const secret = await resetSecret(await server.provision());
    const foreign = secret.replace(/_[0-9a-f]{32}_/, `_${tenant.id.replaceAll("-", "")}_`);
    for (const wrong of ["x", secret.slice(0, -1), foreign, secret.replace(/_[0-9a-f]{32}_/, "_")]) {
      const reply = await redeem(wrong);
      expect([reply.status, reply.body.code]).toEqual([401, "reset_invalid"]);
    }
    const other = await server.provision();
    const late = await resetSecret(other);
    const token = await server.operatorToken();
    await server.request("POST", `/api/admin/tenants/${other.id}/suspend`, { token });
    expect((await redeem(late)).body.code).toBe("tenant_suspended");
    await server.request("POST", `/api/admin/tenants/${other.id}/delete`, { token });
    expect((await redeem(late)).body.code).toBe("reset_invalid");
  });

  it("hashes made with weaker parameters are renewed at the next login", async () => {
    const { admin, id } = await server.provision();
    const argon2 = await import("argon2");
    const weaker = await argon2.hash(admin.password, { memoryCost: 8192, timeCost: 2, parallelism: 1 });
    await server.asOwner("update app.users set password_hash = $2 where tenant_id = $1", [id, weaker]);
    await server.login(admin);
    const [row] = await server.asOwner("select password_hash from app.users where tenant_id = $1", [id]);
    expect(row.password_hash).toContain("m=19456");
    await server.login(admin);
  });

  it("a storm of logins leaves other requests served", async () => {
    const tenants = await Promise.all([server.provision(), server.provision(), server.provision()]);
    const storm = Array.from({ length: 150 }, (_, n) =>
      server.request("POST", "/api/auth/login", { body: tenants[n % 3]?.admin }),
    );
    const others = Array.from({ length: 30 }, () => server.request("GET", "/api/customers", { token: tenant.token }));
    for (const reply of await Promise.all(others)) expect(reply.status).toBe(200);
    for (const reply of await Promise.all(storm)) {
      expect([200, 503]).toContain(reply.status);
      if (reply.status !== 200) expect(Number(reply.headers.get("retry-after"))).toBeGreaterThan(0);
    }
  });

  it("sessions and secrets that are long over are removed; those still good stay", async () => {
    const other = await server.provision();
    const session = await server.login(other.admin);
    await resetSecret(tenant);
    const { token } = other;
    await server.asOwner(`update app.sessions set expires_at = now() - interval '2 days' where tenant_id = '${other.id}'
      and refresh_hash <> sha256('${session.refreshToken}')`);
    await server.asOwner("update app.password_resets set expires_at = now() - interval '2 days'");
    await server.asOwner(
      "update app.login_throttles set window_started_at = now() - interval '2 days', blocked_until = null",
    );
    await endedSessionsCleanup(server.app);
    const rows = await server.asOwner(
      `select (select count(*)::int from app.sessions where tenant_id = $1) as sessions,
        (select count(*)::int from app.password_resets) as resets, (select count(*)::int from app.login_throttles) as throttles`,
      [other.id],
    );
    expect(rows).toEqual([{ sessions: 1, resets: 0, throttles: 0 }]);
    expect((await server.request("GET", "/api/auth/me", { token })).status).toBe(401);
    expect((await server.request("GET", "/api/auth/me", { token: session.accessToken })).status).toBe(200);
  });
});

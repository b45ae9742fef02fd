import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { networkOf } from "../src/auth/network.ts";
import { attemptOn, claimAttempt, forgiveAttempt, releaseAttempt } from "../src/auth/throttle.ts";
import { type Provisioned, startTestServer, type TestServer } from "./fixture/server.ts";

describe("throttling of logins", () => {
  let server: TestServer;
  let tenant: Provisioned;

  const attempt = (password: string, { email = tenant.admin.email, from = "203.0.113.200" } = {}) =>
    server.request("POST", "/api/auth/login", {
      body: { ...tenant.admin, email, password },
      headers: { "x-forwarded-for": from },
    });
  const fail = async (times: number, options = {}) => {
    const statuses: number[] = [];
    for (let n = 0; n < times; n += 1) statuses.push((await attempt("a wrong password", options)).status);
    return statuses;
  };

  beforeEach(async () => {
    server = await startTestServer({ settings: { trustProxy: "127.0.0.1,::1" } });
    tenant = await server.provision();
  });
  afterEach(() => server.stop());

  it("refuses the sixth failure of an account from one address with the time to wait, and so a right password; other accounts and addresses go on", async () => {
    expect(await fail(6)).toEqual([401, 401, 401, 401, 401, 429]);
    const refused = await attempt(tenant.admin.password);
    expect([refused.status, refused.body.code]).toEqual([429, "login_throttled"]);
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(Number(refused.headers.get("retry-after"))).toBeLessThanOrEqual(30);
    expect((await attempt(tenant.admin.password, { from: "203.0.113.201" })).status).toBe(200);
    expect((await attempt("a wrong password", { email: "other@example.com" })).status).toBe(401);
  });

  it("treats an account that does not exist in the same way", async () => {
    expect(await fail(6, { email: "nobody@example.com" })).toEqual([401, 401, 401, 401, 401, 429]);
  });

  it("survives a restart", async () => {
    await fail(5);
    server = await server.restart();
    expect((await attempt(tenant.admin.password)).status).toBe(429);
  });

  it("lets a right password in when the block is over, and forgets the failures", async () => {
    await fail(6);
    await server.asOwner(
      "update app.login_throttles set blocked_until = now() - interval '1 second' where blocked_until is not null",
    );
    expect((await attempt(tenant.admin.password)).status).toBe(200);
    expect(await fail(5)).toEqual([401, 401, 401, 401, 401]);
  });

  it("doubles each block, and is not prolonged by attempts that it refuses", async () => {
    const waits: number[] = [];
    for (let round = 0; round < 7; round += 1) {
      await fail(round === 0 ? 5 : 1);
      await fail(3);
      const [row] = await server.asOwner(
        "select extract(epoch from blocked_until - now())::int as wait, failures from app.login_throttles where key like 'pair:%'",
      );
      waits.push(row.wait);
      expect(row.failures).toBe(5 + round);
      await server.asOwner(
        "update app.login_throttles set blocked_until = now() - interval '1 second' where blocked_until is not null",
      );
    }
    for (const [round, least] of [15, 45, 105, 225, 465, 885, 885].entries()) {
      expect(waits[round]).toBeGreaterThan(least);
      expect(waits[round]).toBeLessThanOrEqual(900);
    }
  });

  it("lets no more guesses through at once than one after the other", async () => {
    const replies = await Promise.all(Array.from({ length: 30 }, () => attempt("a wrong password")));
    const count = (status: number) => replies.filter((reply) => reply.status === status).length;
    expect([count(401), count(429)]).toEqual([5, 25]);
  });

  it("blocks an account that is guessed at from everywhere, but not for the address its owner uses", async () => {
    expect((await attempt(tenant.admin.password, { from: "198.51.100.7" })).status).toBe(200);
    for (let n = 0; n < 20; n += 1) {
      expect((await attempt("a wrong password", { from: `203.0.113.${n}` })).status).toBe(401);
    }
    expect((await attempt("a wrong password", { from: "203.0.113.99" })).status).toBe(429);
    expect((await attempt(tenant.admin.password, { from: "203.0.113.99" })).status).toBe(429);
    expect((await attempt(tenant.admin.password, { from: "198.51.100.7" })).status).toBe(200);
    expect((await attempt("a wrong password", { from: "203.0.113.99" })).status).toBe(429);
  });

  it("is lifted for an account, from wherever it was guessed at, by a new password that somebody else sets; others stay blocked", async () => {
    const other = { ...tenant.admin, email: "nobody@example.com" };
    for (let n = 0; n < 20; n += 1) await attempt("a wrong password", { from: `203.0.113.${n}` });
    await fail(6);
    await fail(6, { email: other.email });
    const me = (await server.request("GET", "/api/auth/me", { token: tenant.token })).body;
    const reset = async (body: object) =>
      server.request("POST", `/api/tenants/users/${me.id}/reset-password?tenantId=${tenant.slug}`, {
        token: await server.operatorToken(),
        body,
      });
    expect((await reset({})).status).toBe(200);
    expect((await attempt(tenant.admin.password)).status).toBe(429);
    const newPassword = "the admin's new password";
    expect((await reset({ newPassword })).status).toBe(200);
    for (const from of ["203.0.113.200", "203.0.113.3", "203.0.113.99"])
      expect((await attempt(newPassword, { from })).status).toBe(200);
    expect((await attempt("a wrong password", { email: other.email })).status).toBe(429);
  });

  it("is lifted by redeeming a reset secret", async () => {
    const me = (await server.request("GET", "/api/auth/me", { token: tenant.token })).body;
    const path = `/api/tenants/users/${me.id}/reset-password`;
    const { secret } = (await server.request("POST", path, { token: tenant.token, body: {} })).body;
    await fail(6);
    const newPassword = "a redeemed password";
    expect((await server.request("POST", "/api/auth/redeem", { body: { secret, newPassword } })).status).toBe(200);
    expect((await attempt(newPassword)).status).toBe(200);
  });

  it("is lifted for an operator by another operator", async () => {
    const second = { name: "Second", email: "second@example.com", password: "operators-password" };
    const made = await server.request("POST", "/api/admin/operators", {
      token: await server.operatorToken(),
      body: second,
    });
    const logIn = (password: string) =>
      server.request("POST", "/api/auth/login", { body: { email: second.email, password } });
    for (let n = 0; n < 5; n += 1) await logIn("a wrong password");
    expect((await logIn(second.password)).status).toBe(429);
    const newPassword = "operators-new-password";
    const path = `/api/admin/operators/${made.body.id}/reset-password`;
    await server.request("POST", path, { token: await server.operatorToken(), body: { newPassword } });
    expect((await logIn(newPassword)).status).toBe(200);
  });

  it("believes X-Forwarded-For only from the proxies it was told of", async () => {
    server = await server.restart({ trustProxy: undefined });
    for (let n = 0; n < 5; n += 1) await attempt("a wrong password", { from: `203.0.113.${n}` });
    expect((await attempt("a wrong password", { from: "203.0.113.50" })).status).toBe(429);
  });

  it("blocks an address that guesses at many accounts", async () => {
    const { db } = server.app;
    const from = (n: number, address: string) => attemptOn("tenant", `user${n}@example.com`, address, false);
    for (let n = 0; n < 100; n += 1) await claimAttempt(db, from(n, "203.0.113.9"));
    await expect(claimAttempt(db, from(100, "203.0.113.9"))).rejects.toMatchObject({ code: "login_throttled" });
    await claimAttempt(db, from(100, "203.0.113.10"));
    await claimAttempt(db, attemptOn("tenant", "user1@example.com", "203.0.113.9", true));
  });

  it("takes back what never failed: attempts that were right or never compared don't count", async () => {
    const { db } = server.app;
    for (let n = 0; n < 30; n += 1) {
      const claimed = attemptOn("tenant", "user@example.com", "203.0.113.9", false);
      await claimAttempt(db, claimed);
      await (n % 2 === 0 ? releaseAttempt(db, claimed) : forgiveAttempt(db, claimed));
    }
    const rows = await server.asOwner(
      "select sum(failures)::int as failures from app.login_throttles where key not like 'pair:x%' and blocked_until is not null",
    );
    expect(rows[0].failures).toBeNull();
  });

  it("counts an IPv6 network as one address", () => {
    expect(networkOf("2001:db8:1:2:3:4:5:6")).toBe("2001:db8:1:2::/64");
    expect(networkOf("2001:0DB8:0001:0002::9")).toBe("2001:db8:1:2::/64");
    expect(networkOf("2001:db8::1")).toBe("2001:db8:0:0::/64");
    expect(networkOf("fe80::1%eth0")).toBe("fe80:0:0:0::/64");
    expect(networkOf("::1")).toBe("0:0:0:0::/64");
    expect(networkOf("::ffff:192.0.2.1")).toBe("192.0.2.1");
    expect(networkOf("192.0.2.1")).toBe("192.0.2.1");
  });
});

import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Provisioned, type Session, startTestServer, type TestServer } from "./fixture/server.ts";

describe("refreshing a session", () => {
  let server: TestServer;
  let tenant: Provisioned;

  const refresh = (refreshToken: string) => server.request("POST", "/api/auth/refresh", { body: { refreshToken } });
  const works = async (token: string) => (await server.request("GET", "/api/auth/me", { token })).status === 200;
  /** Eleven seconds pass for the rotations so far. */
  const passGrace = () =>
    server.asOwner(`with users as (update app.sessions set rotated_at = rotated_at - interval '11 seconds')
      update app.operator_sessions set rotated_at = rotated_at - interval '11 seconds'`);
  const kinds = (): [string, () => Promise<Session>][] => [
    ["a user", () => server.login(tenant.admin)],
    ["an operator", () => server.login(server.operator)],
  ];

  beforeAll(async () => {
    server = await startTestServer();
    tenant = await server.provision();
  });
  afterAll(() => server.stop());

  it("gives a new pair of the same session each time; the tokens are stored as hashes only", async () => {
    for (const [, login] of kinds()) {
      const first = await login();
      let { refreshToken } = first;
      const seen = new Set([refreshToken]);
      for (let n = 0; n < 3; n += 1) {
        const { status, body } = await refresh(refreshToken);
        expect(status).toBe(200);
        expect(await works(body.accessToken)).toBe(true);
        refreshToken = body.refreshToken;
        seen.add(refreshToken);
      }
      expect(seen.size).toBe(4);
      expect(await works(first.accessToken)).toBe(true);
    }
    const rows = await server.asOwner("select refresh_hash from app.sessions");
    for (const { refresh_hash } of rows) expect(refresh_hash).toHaveLength(32);
  });

  it("gives the same successor to whoever asks at the same moment or within ten seconds", async () => {
    for (const [, login] of kinds()) {
      const { refreshToken } = await login();
      const replies = await Promise.all(Array.from({ length: 8 }, () => refresh(refreshToken)));
      expect(replies.map(({ status }) => status)).toEqual(Array(8).fill(200));
      expect(new Set(replies.map(({ body }) => body.refreshToken)).size).toBe(1);
      const late = await refresh(refreshToken);
      expect(late.body.refreshToken).toBe(replies[0]?.body.refreshToken);
      expect((await refresh(late.body.refreshToken)).status).toBe(200);
    }
  });

  it("ends the whole login when a spent token comes back later, and says so in the audit log", async () => {
    for (const [kind, login] of kinds()) {
      const first = await login();
      const second = (await refresh(first.refreshToken)).body;
      await passGrace();
      const replay = await refresh(first.refreshToken);
      expect([kind, replay.status, replay.body.code]).toEqual([kind, 401, "session_ended"]);
      expect((await refresh(second.refreshToken)).body.code).toBe("session_ended");
      expect(await works(first.accessToken)).toBe(false);
      expect(await works(second.accessToken)).toBe(false);
    }
    const rows = await server.asOwner(
      "select tenant_id, actor_type from app.audit_log where action = 'end' and outcome = 'denied' order by actor_type",
    );
    expect(rows).toEqual([
      { tenant_id: "00000000-0000-7000-8000-000000000000", actor_type: "operator" },
      { tenant_id: tenant.id, actor_type: "user" },
    ]);
  });

  it("refuses what is no refresh token, of nobody, or of another session", async () => {
    const session = await server.login(tenant.admin);
    const parts = session.refreshToken.split("_");
    const foreign = await server.provision();
    const hex = (id: string) => id.replaceAll("-", "");
    const odd = [
      "x",
      session.accessToken,
      session.refreshToken.slice(0, -1),
      `refresh_${randomBytes(16).toString("hex")}_${randomBytes(32).toString("base64url")}`,
      `refresh_${hex(tenant.id)}_${randomBytes(16).toString("hex")}_${randomBytes(32).toString("base64url")}`,
      [parts[0], hex(foreign.id), ...parts.slice(2)].join("_"),
      [parts[0], randomBytes(16).toString("hex"), ...parts.slice(2)].join("_"),
      [parts[0], ...parts.slice(2)].join("_"),
    ];
    for (const token of odd) {
      const { status, body } = await refresh(token);
      expect([token, status, body.code]).toEqual([token, 401, "session_ended"]);
    }
    expect((await refresh(session.refreshToken)).status).toBe(200);
  });

  it("is refused to a disabled user, after the session ran out, and in a suspended or deleted tenant", async () => {
    const other = await server.provision();
    const { refreshToken } = await server.login(other.admin);
    const where = "where tenant_id = $1";
    await server.asOwner(`update app.users set disabled_at = now() ${where}`, [other.id]);
    expect((await refresh(refreshToken)).body.code).toBe("session_ended");
    await server.asOwner(`update app.users set disabled_at = null ${where}`, [other.id]);
    await server.asOwner(`update app.sessions set expires_at = now() - interval '1 ms' ${where}`, [other.id]);
    expect((await refresh(refreshToken)).body.code).toBe("session_ended");
    const again = await server.login(other.admin);
    const token = await server.operatorToken();
    await server.request("POST", `/api/admin/tenants/${other.id}/suspend`, { token });
    const suspended = await refresh(again.refreshToken);
    expect([suspended.status, suspended.body.code]).toEqual([403, "tenant_suspended"]);
    await server.request("POST", `/api/admin/tenants/${other.id}/delete`, { token });
    expect((await refresh(again.refreshToken)).body.code).toBe("session_ended");
  });

  it("works on across a restart with the same key, and while keys rotate", async () => {
    const session = await server.login(tenant.admin);
    const [key = ""] = server.settings.jwtSecrets ?? [];
    server = await server.restart({ jwtSecrets: [randomBytes(32).toString("base64"), key] });
    expect(await works(session.accessToken)).toBe(true);
    const next = await refresh(session.refreshToken);
    expect(next.status).toBe(200);
    expect(await works(next.body.accessToken)).toBe(true);
  });
});

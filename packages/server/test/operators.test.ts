import { userInfo } from "node:os";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { bootstrapOperator } from "../src/operators/bootstrap.ts";
import { startTestServer, type TestServer } from "./fixture/server.ts";

describe("operators", () => {
  let server: TestServer;
  let token: string;
  const path = "/api/admin/operators";
  const second = { name: "Second", email: "Second@Example.com", password: "second-operator" };

  const post = (to: string, body?: unknown, as = token) => server.request("POST", `${path}${to}`, { token: as, body });
  const audit = async (action: string) =>
    (await server.request("GET", `/api/audit-logs?action=${action}&resourceType=operator`, { token })).body;

  beforeEach(async () => {
    server = await startTestServer();
    token = await server.operatorToken();
  });
  afterEach(() => server.stop());

  it("are created with a normalised e-mail, listed in pages, and log in; audited without the password", async () => {
    const made = await post("", second);
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({
      name: "Second",
      email: "second@example.com",
      disabled: false,
      lastLoginAt: null,
    });
    const { accessToken } = await server.login({ email: second.email, password: second.password });
    const list = await server.request("GET", path, { token: accessToken });
    expect(list.body.map((row: { email: string }) => row.email)).toEqual([server.operator.email, "second@example.com"]);
    expect(list.body[1].lastLoginAt).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    const page = await server.request("GET", `${path}?limit=1`, { token });
    expect(page.body).toHaveLength(1);
    const next = /<([^>]+)>; rel="next"/.exec(page.headers.get("link") ?? "")?.[1] ?? "";
    const rest = await server.request("GET", next, { token });
    expect([rest.body[0].email, rest.headers.get("link")]).toEqual(["second@example.com", null]);
    const [row] = await audit("create");
    expect(row).toMatchObject({
      tenantId: null,
      resourceId: made.body.id,
      actor: { type: "operator", name: server.operator.email },
      after: { name: "Second", email: "second@example.com" },
    });
    expect(JSON.stringify(row)).not.toContain(second.password);
  });

  it("refuse a taken e-mail and a weak password", async () => {
    expect((await post("", second)).status).toBe(201);
    const taken = await post("", { ...second, email: "SECOND@example.com" });
    expect([taken.status, taken.body.code]).toEqual([409, "email_taken"]);
    for (const password of ["short", "third@example.com", "THIRD@example.com", "a third one"]) {
      const weak = await post("", { name: "A Third One", email: "third@example.com", password });
      expect([password, weak.status, weak.body.code]).toEqual([password, 400, "weak_password"]);
    }
  });

  it("can be disabled and enabled; a repeat changes nothing and is not audited", async () => {
    const { id } = (await post("", second)).body;
    for (const [step, disabled] of [
      ["disable", true],
      ["enable", false],
    ] as const) {
      for (let n = 0; n < 2; n += 1) {
        const reply = await post(`/${id}/${step}`);
        expect([reply.status, reply.body.disabled]).toEqual([200, disabled]);
      }
      expect(await audit(step)).toHaveLength(1);
      const attempt = await server.request("POST", "/api/auth/login", {
        body: { email: second.email, password: second.password },
      });
      expect(attempt.status).toBe(disabled ? 401 : 200);
    }
    expect((await post("/01890000-0000-7000-8000-000000000003/disable")).body.code).toBe("not_found");
    expect((await post("/no-id/disable")).status).toBe(400);
  });

  it("keep at least one who can log in, however many are disabled at once", async () => {
    const me = (await server.request("GET", "/api/auth/me", { token })).body.id;
    const last = await post(`/${me}/disable`);
    expect([last.status, last.body.code]).toEqual([409, "last_operator"]);
    const { id } = (await post("", second)).body;
    const { accessToken } = await server.login({ email: second.email, password: second.password });
    await Promise.all([post(`/${id}/disable`), post(`/${me}/disable`, undefined, accessToken)]);
    const [{ count }] = await server.asOwner("select count(*)::int from app.operators where disabled_at is null");
    expect(count).toBe(1);
  });

  it("have their password set by another, which ends their sessions", async () => {
    const { id } = (await post("", second)).body;
    const session = await server.login({ email: second.email, password: second.password });
    const weak = await post(`/${id}/reset-password`, { newPassword: "second@example.com" });
    expect(weak.body.code).toBe("weak_password");
    const reset = await post(`/${id}/reset-password`, { newPassword: "a newer password" });
    expect(reset.body).toEqual({ userId: id, sessionsEnded: 1, secret: null, expiresAt: null });
    expect((await server.request("GET", path, { token: session.accessToken })).body.code).toBe("session_ended");
    await server.login({ email: second.email, password: "a newer password" });
    expect(await audit("reset_password")).toHaveLength(1);
  });

  it("redeem a reset secret once, within its hour; an earlier secret is void", async () => {
    const { id } = (await post("", second)).body;
    const redeem = (secret: string, newPassword = "a redeemed password") =>
      server.request("POST", "/api/auth/redeem", { body: { secret, newPassword } });
    const earlier = (await post(`/${id}/reset-password`)).body.secret;
    const { secret, expiresAt } = (await post(`/${id}/reset-password`, {})).body;
    expect(Date.parse(expiresAt) - Date.now()).toBeGreaterThan(3_500_000);
    expect((await redeem(earlier)).body.code).toBe("reset_invalid");
    expect((await redeem(secret, "second@example.com")).body.code).toBe("weak_password");
    const replies = await Promise.all([redeem(secret), redeem(secret), redeem(secret)]);
    expect(replies.map(({ status }) => status).sort()).toEqual([200, 401, 401]);
    await server.login({ email: second.email, password: "a redeemed password" });
    const late = (await post(`/${id}/reset-password`)).body.secret;
    await server.asOwner("update app.operator_resets set expires_at = now() - interval '1 ms'");
    expect((await redeem(late)).body.code).toBe("reset_invalid");
    const [row] = await audit("redeem_reset");
    expect(row).toMatchObject({ resourceId: id, actor: { type: "operator", name: "second@example.com" } });
  });
});

describe("bootstrapping an operator", () => {
  let server: TestServer;
  beforeEach(async () => {
    server = await startTestServer();
  });
  afterEach(() => server.stop());

  it("ten at once make one", async () => {
    const { db } = server.app;
    await server.asOwner("delete from app.operators");
    const made = await Promise.all(
      Array.from({ length: 10 }, (_, n) => bootstrapOperator(db, { email: `op${n}@example.com`, generate: true })),
    );
    const [first, ...others] = made.filter((result) => result !== undefined);
    expect(others).toEqual([]);
    expect(await server.asOwner("select email from app.operators")).toEqual([{ email: first?.email }]);
    await server.login({ email: first?.email ?? "", password: first?.password ?? "" });
  });

  it("does nothing where there is an operator, unless asked to recover, and is audited under the system's user", async () => {
    const { db } = server.app;
    expect(await bootstrapOperator(db, { email: "new@example.com", password: "a good password" })).toBeUndefined();
    const session = await server.login(server.operator);
    await server.asOwner("update app.operators set disabled_at = now()");
    const recovered = await bootstrapOperator(db, {
      email: server.operator.email.toUpperCase(),
      password: "recovered password",
      recover: true,
    });
    expect(recovered).toMatchObject({ created: false, password: undefined });
    const { accessToken: token } = await server.login({ ...server.operator, password: "recovered password" });
    expect((await server.request("GET", "/api/auth/me", { token: session.accessToken })).status).toBe(401);
    const made = await bootstrapOperator(db, { email: "new@example.com", recover: true });
    expect(made?.created).toBe(true);
    await server.login({ email: "new@example.com", password: made?.password ?? "" });
    const rows = await server.request("GET", "/api/audit-logs?resourceType=operator", { token });
    const local = { type: "local", id: null, name: `local:${userInfo().username}` };
    expect(rows.body.map((row: { action: string; actor: object }) => [row.action, row.actor])).toEqual([
      ["bootstrap", local],
      ["recover", local],
      ["bootstrap", local],
    ]);
  });

  it("refuses a weak password and makes nothing without being told what", async () => {
    const { db } = server.app;
    await server.asOwner("delete from app.operators");
    expect(await bootstrapOperator(db, {})).toBeUndefined();
    const weak = bootstrapOperator(db, { email: "new@example.com", password: "short" });
    await expect(weak).rejects.toMatchObject({ code: "weak_password" });
    expect(await server.asOwner("select from app.operators")).toEqual([]);
  });
});

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Diagnosis } from "@tenantctl/contract";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Exit, runCli } from "../../database/test/harness/process.ts";
import { startTestServer, type TestServer } from "../../server/test/fixture/server.ts";

let server: TestServer;
let dir: string;
let env: NodeJS.ProcessEnv;
beforeAll(async () => {
  server = await startTestServer();
  dir = mkdtempSync(join(tmpdir(), "tenantctl-diagnose-"));
  env = {
    PATH: process.env.PATH,
    HOME: dir,
    TENANTCTL_CONFIG_DIR: dir,
    TENANTCTL_API_URL: server.url,
    TENANTCTL_TOKEN: await server.operatorToken(),
  };
});
afterAll(async () => {
  await server?.stop();
  rmSync(dir, { recursive: true, force: true });
});

const tenantctl = (...args: string[]): Promise<Exit> => runCli(args, { env, cwd: dir });

/** What the command finds, with its exit code. */
const diagnose = async (slug: string, email: string): Promise<Diagnosis & { code: number | null }> => {
  const { stdout, stderr, code } = await tenantctl("diagnose", "login", slug, "--email", email, "-o", "json");
  expect(stdout, stderr).not.toBe("");
  return { ...(JSON.parse(stdout) as Diagnosis), code };
};

const item = ({ items }: Diagnosis, id: string) => items.find((one) => one.id === id);

const fail = (email: string, tenant: string, times: number) =>
  Array.from({ length: times }).reduce<Promise<unknown>>(
    (before) =>
      before.then(() => server.request("POST", "/api/auth/login", { body: { email, password: "wrong", tenant } })),
    Promise.resolve(),
  );

describe("diagnose login", () => {
  it("says that somebody could log in, whatever case the e-mail is typed in", async () => {
    const { slug, admin } = await server.provision();
    const found = await diagnose(slug, admin.email.toUpperCase());
    expect(found).toMatchObject({ code: 0, result: "ok", verdict: `${admin.email} could log in to ${slug}` });
    expect(item(found, "sessions")?.evidence[0]).toBe("1 session open now");
  });

  it.each([
    ["suspend", "suspended", "reactivate"],
    ["cancel", "cancelled", "reactivate"],
    ["delete", "deleted", "undelete"],
  ])("finds a tenant after %s, and its command brings it back", async (step, status, back) => {
    const { slug, admin } = await server.provision();
    expect((await tenantctl(step, slug, "--yes")).code).toBe(0);
    const found = await diagnose(slug, admin.email);
    expect(found.code).toBe(10);
    expect(found.verdict).toBe(`${admin.email} can't log in to ${slug} because the tenant is ${status}`);
    expect(item(found, "tenant")?.next).toBe(`tenantctl ${back} ${slug}`);
    expect((await tenantctl(back, slug, "--yes")).code).toBe(0);
    expect((await diagnose(slug, admin.email)).code).toBe(0);
  });

  it("finds a tenant that is held by a restore or a deletion", async () => {
    const { id, slug, admin } = await server.provision();
    await server.asOwner(`update app.tenants set hold = '{"kind":"hard_delete"}' where id = $1`, [id]);
    const found = await diagnose(slug, admin.email);
    expect(found.verdict).toContain("held by a hard delete");
    expect(item(found, "tenant")).toMatchObject({ result: "problem", next: "tenantctl operations list" });
  });

  it("finds that there is no such user, who is spelt alike and where the e-mail is known", async () => {
    const [one, other] = [await server.provision(), await server.provision()];
    const unknown = await diagnose(one.slug, other.admin.email);
    expect(unknown.code).toBe(10);
    expect(unknown.verdict).toContain(`${one.slug} has no user with this e-mail`);
    expect(item(unknown, "account")?.evidence.join("\n")).toContain(`this e-mail is a user of: ${other.slug}`);
    expect(item(unknown, "account")?.evidence.join("\n")).toContain(`it has: ${one.admin.email}`);
    const operator = await diagnose(one.slug, server.operator.email);
    expect(item(operator, "account")?.evidence.join("\n")).toContain("operators log in without a tenant");
  });

  it("finds maintenance, of the tenant and of the system, and that only changes are refused", async () => {
    const { slug, admin } = await server.provision();
    expect((await tenantctl("maintenance", "on", "--tenant", slug, "--reason", "moving", "--yes")).code).toBe(0);
    const own = await diagnose(slug, admin.email);
    expect(own.code).toBe(10);
    expect(own.verdict).toBe(`${admin.email} can't log in to ${slug} because ${slug} is in maintenance`);
    expect(item(own, "maintenance")?.evidence[0]).toContain("moving");
    expect(item(own, "maintenance")?.next).toBe(`tenantctl maintenance off --tenant ${slug}`);
    expect((await tenantctl("maintenance", "off", "--tenant", slug, "--yes")).code).toBe(0);
    expect((await tenantctl("maintenance", "on", "--read-only", "--reason", "upgrade", "--yes")).code).toBe(0);
    const reads = await diagnose(slug, admin.email);
    expect((await tenantctl("maintenance", "off", "--yes")).code).toBe(0);
    expect(reads).toMatchObject({ code: 0, result: "warning" });
    expect(item(reads, "maintenance")?.evidence).toContain("logins work; changes are refused");
  });

  it("answers 6 for an unknown tenant", async () => {
    expect((await tenantctl("diagnose", "login", "no-such-tenant", "--email", "a@example.com")).code).toBe(6);
  });

  it("finds a disabled user, and its command lets them in", async () => {
    const { slug, id, admin } = await server.provision();
    const token = await server.operatorToken();
    const email = `it's.${slug}@example.com`;
    const made = await server.request("POST", `/api/tenants/users?tenantId=${id}`, {
      token,
      body: { name: "Ann", email, password: "secure_password", role: "support_agent" },
    });
    expect(made.status, made.text).toBe(201);
    expect((await tenantctl("users", "update", slug, email, "--disabled")).code).toBe(0);
    const found = await diagnose(slug, email);
    expect(found.verdict).toContain("because the account is disabled");
    // What was typed into the e-mail does not end the word in a shell.
    expect(item(found, "account")?.next).toBe(
      `tenantctl users update ${slug} 'it'\\''s.${slug}@example.com' --no-disabled`,
    );
    expect((await tenantctl("users", "update", slug, email, "--no-disabled")).code).toBe(0);
    expect((await diagnose(slug, email)).code).toBe(0);
    expect(admin.email).not.toBe(email);
  });

  it("tells a wrong password, from where, and that it got in since", async () => {
    const { slug, admin } = await server.provision();
    await fail(admin.email, slug, 2);
    const found = await diagnose(slug, admin.email);
    expect(found).toMatchObject({ code: 0, result: "needs_person" });
    expect(found.verdict).toContain("could log in to");
    expect(found.verdict).toContain("the one that was tried is wrong");
    expect(item(found, "attempts")).toMatchObject({
      next: `tenantctl users reset-password ${slug} ${admin.email}`,
      evidence: [expect.stringMatching(/^2 times from 127\.0\.0\.1, .*: wrong password$/)],
    });
    await server.login(admin);
    expect(await diagnose(slug, admin.email)).toMatchObject({ code: 0, result: "ok" });
  });

  it("finds a throttled account, from where and until when", async () => {
    const { slug, admin } = await server.provision();
    await fail(admin.email, slug, 5);
    const refused = await server.request("POST", "/api/auth/login", { body: admin });
    expect(refused.status).toBe(429);
    const found = await diagnose(slug, admin.email);
    expect(found.code).toBe(10);
    expect(found.verdict).toMatch(
      /because too many attempts failed: from 127\.0\.0\.1 it has to wait until \d\d:\d\d:\d\d UTC/,
    );
    expect(item(found, "throttling")?.next).toMatch(/^wait \d+ seconds?$/);
    const reset = `tenantctl users reset-password ${slug} ${admin.email}`;
    expect(item(found, "throttling")?.evidence).toContain(`a new password lifts it at once: ${reset}`);
    const [, ...args] = reset.split(" ");
    expect((await tenantctl(...args)).stdout).toContain("secret");
  });

  it("finds a throttle of an address that it is told", async () => {
    const { slug, admin } = await server.provision();
    const { attemptOn, claimAttempt } = await import("../../server/src/auth/throttle.ts");
    const { rows } = {
      rows: await server.asOwner<{ id: string }>("select id from app.tenants where slug = $1", [slug]),
    };
    const attempt = attemptOn(rows[0]?.id ?? "", admin.email, "203.0.113.7", true);
    for (let tries = 0; tries < 5; tries += 1) await claimAttempt(server.app.db, attempt);
    expect((await diagnose(slug, admin.email)).code).toBe(0);
    const told = await tenantctl("diagnose", "login", slug, "--email", admin.email, "--address", "203.0.113.7");
    expect(told.code, told.stderr).toBe(10);
    expect(told.stdout).toContain("refused from 203.0.113.7 until");
  });

  it("finds an account without a password, a password that is due, and a reset that waits", async () => {
    const { slug, id, admin } = await server.provision();
    const reset = await tenantctl("users", "reset-password", slug, admin.email);
    expect(reset.code, reset.stderr).toBe(0);
    const waiting = await diagnose(slug, admin.email);
    expect(item(waiting, "password")?.evidence.join("\n")).toMatch(
      /a reset secret was handed out and not used; it is good until/,
    );
    await server.asOwner(`update app.users set must_change_password = true where tenant_id = $1`, [id]);
    const due = await diagnose(slug, admin.email);
    expect(due).toMatchObject({ code: 0, result: "warning" });
    expect(due.verdict).toBe(`${admin.email} could log in to ${slug}, and has to set a new password then`);
    await server.asOwner(
      `update app.users set password_hash = null, must_change_password = false where tenant_id = $1`,
      [id],
    );
    const none = await diagnose(slug, admin.email);
    expect(none.code).toBe(10);
    expect(none.verdict).toContain("the account has no password");
  });

  it("names every reason at once, the first that counts in front", async () => {
    const { id, slug, admin } = await server.provision();
    const token = await server.operatorToken();
    await server.asOwner(`update app.users set disabled_at = now() where tenant_id = $1`, [id]);
    await server.request("POST", `/api/admin/tenants/${id}/suspend`, { token, body: {} });
    const { verdict } = await diagnose(slug, admin.email);
    expect(verdict).toBe(
      `${admin.email} can't log in to ${slug} because the tenant is suspended; and the account is disabled`,
    );
  });

  it("is for operators: a tenant_admin is refused", async () => {
    const { slug, admin, token } = await server.provision();
    const { code, stdout } = await runCli(["diagnose", "login", slug, "--email", admin.email], {
      env: { ...env, TENANTCTL_TOKEN: token },
      cwd: dir,
    });
    expect({ code, stdout }).toEqual({ code: 4, stdout: "" });
  });
});

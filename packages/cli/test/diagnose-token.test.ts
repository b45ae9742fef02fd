import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Diagnosis } from "@tenantctl/contract";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Exit, runCli } from "../../database/test/harness/process.ts";
import { startInPty } from "../../database/test/harness/pty.ts";
import { makeApiToken } from "../../server/src/auth/api-token.ts";
import { startTestServer, type TestServer } from "../../server/test/fixture/server.ts";

const bin = fileURLToPath(new URL("../bin/tenantctl.js", import.meta.url));

let server: TestServer;
let dir: string;
let env: NodeJS.ProcessEnv;
beforeAll(async () => {
  server = await startTestServer();
  dir = mkdtempSync(join(tmpdir(), "tenantctl-token-"));
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

const run = (input: string, changed: NodeJS.ProcessEnv = {}, ...args: string[]): Promise<Exit> =>
  runCli(["diagnose", "token", ...args], { env: { ...env, ...changed }, cwd: dir, input });

/** What is found about a token, none of which may be the token itself. */
const diagnose = async (token: string, changed: NodeJS.ProcessEnv = {}) => {
  const { stdout, stderr, code } = await run(`${token}\n`, changed, "-o", "json");
  expect(stdout, stderr).not.toBe("");
  expect(stdout + stderr).not.toContain(token);
  const found: Diagnosis = JSON.parse(stdout);
  return { ...found, code, item: (id: string) => found.items.find((one) => one.id === id) };
};

const operatorCall = async (method: string, path: string, body?: object) => {
  const reply = await server.request(method, path, { token: await server.operatorToken(), body: body ?? {} });
  if (reply.status >= 300) throw new Error(reply.text);
  return reply.body;
};

/** The same token with other claims, and the signature that belongs to the first. */
const altered = (token: string, changed: object): string => {
  const [head = "", claims = "", signature = ""] = token.split(".");
  const said = { ...JSON.parse(Buffer.from(claims, "base64url").toString()), ...changed };
  return [head, Buffer.from(JSON.stringify(said)).toString("base64url"), signature].join(".");
};

describe("an access token", () => {
  it("that is valid: whose, of which tenant, until when", async () => {
    const { slug, token, admin } = await server.provision();
    const found = await diagnose(`Authorization: Bearer ${token}`);
    expect(found).toMatchObject({ code: 0, result: "ok", verdict: `this token is valid for ${slug}` });
    expect(found.item("claims")?.evidence).toEqual(
      expect.arrayContaining(["role: tenant_admin", `account: ${admin.email}`]),
    );
    expect(found.item("session")?.evidence[0]).toMatch(new RegExp(`^of ${admin.email}, begun .* from 127.0.0.1$`));
    const own = await diagnose(await server.operatorToken());
    expect(own).toMatchObject({ code: 0, verdict: "this token is valid" });
  });

  it("whose session ended, and why", async () => {
    const { slug, token } = await server.provision();
    await server.request("POST", "/api/auth/logout", { token, body: {} });
    const found = await diagnose(token);
    expect(found.code).toBe(10);
    expect(found.verdict).toBe(`this token is not valid for ${slug} because its session was ended (logout)`);
  });

  it("of a suspended tenant: its session ended, and the command that brings the tenant back", async () => {
    const { slug, id, token } = await server.provision();
    await operatorCall("POST", `/api/admin/tenants/${id}/suspend`);
    const found = await diagnose(token);
    expect(found.code).toBe(10);
    expect(found.verdict).toContain(`its tenant, ${slug}, is suspended`);
    expect(found.item("tenant")?.next).toBe(`tenantctl reactivate ${slug}`);
  });

  it("of a disabled account, and of one whose role has changed", async () => {
    const { id, token } = await server.provision();
    await server.asOwner("update app.users set disabled_at = now() where tenant_id = $1", [id]);
    expect((await diagnose(token)).verdict).toContain("because the account is disabled");
    await server.asOwner("update app.users set disabled_at = null, role = 'support_agent' where tenant_id = $1", [id]);
    expect((await diagnose(token)).item("session")?.evidence[0]).toBe(
      "it says tenant_admin, the account is support_agent by now",
    );
  });

  it("that has expired, though this server signed it", async () => {
    const { token } = await server.provision();
    const claims = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString());
    const hour = 3600;
    const key = Object.values(server.fastify.jwt).find((one) => typeof one === "object" && "sign" in one) as {
      sign: (payload: object) => string;
    };
    const expired = key.sign({ ...claims, iat: claims.iat - 2 * hour, exp: claims.iat - hour });
    const found = await diagnose(expired);
    expect(found.code).toBe(10);
    expect(found.verdict).toContain("because it has expired");
    expect(found.item("signature")?.result).toBe("ok");
    expect(found.item("expiry")?.evidence[0]).toMatch(/^expired 20/);
  });

  it("that was changed, that another server signed, and that was cut", async () => {
    const { token, slug } = await server.provision();
    const changed = await diagnose(altered(token, { role: "operator" }));
    expect(changed.code).toBe(10);
    expect(changed.item("signature")?.evidence[0]).toContain("the signature does not match");
    // What a forged token says about sessions and tenants is not looked up.
    expect(changed.item("session")).toBeUndefined();
    expect(changed.verdict).not.toContain(slug);

    const [, claims = "", signature = ""] = token.split(".");
    const head = Buffer.from(JSON.stringify({ alg: "HS256", typ: "JWT", kid: "0badc0de" })).toString("base64url");
    expect((await diagnose(`${head}.${claims}.${signature}`)).item("signature")?.evidence[0]).toContain(
      "the key 0badc0de",
    );
    const none = Buffer.from(JSON.stringify({ alg: "none" })).toString("base64url");
    expect((await diagnose(`${none}.${claims}.`)).item("signature")?.evidence[0]).toContain("signed with none");

    const cut = await diagnose(`${token.slice(0, token.indexOf(".") + 20)}.${signature}`);
    expect(cut).toMatchObject({ code: 10, items: [{ id: "form", result: "problem" }] });
  });
});

describe("a tctl_ token", () => {
  it("that holds: its name, scopes and tenant", async () => {
    const { slug, id } = await server.provision();
    const { token } = await operatorCall("POST", `/api/tenants/tokens?tenantId=${id}`, {
      name: "crm sync",
      scopes: ["customers:read"],
    });
    const found = await diagnose(token);
    expect(found).toMatchObject({ code: 0, verdict: `this token is valid for ${slug}` });
    expect(found.item("scopes")?.evidence[0]).toBe("customers:read");
    expect(found.item("known")?.evidence[0]).toContain('"crm sync"');
    await operatorCall("POST", `/api/admin/tenants/${id}/suspend`);
    expect((await diagnose(token)).verdict).toContain(`because its tenant, ${slug}, is suspended`);
  });

  it("that was revoked, that has expired, whose maker is disabled, that nobody knows, that is mistyped", async () => {
    const make = async (name: string): Promise<{ id: string; token: string }> =>
      operatorCall("POST", "/api/admin/tokens", { name, scopes: ["plans:read"] });
    const [revoked, over] = [await make("revoked"), await make("over")];
    await operatorCall("DELETE", `/api/admin/tokens/${revoked.id}`);
    await server.asOwner("update app.operator_tokens set expires_at = now() - interval '1 hour' where id = $1", [
      over.id,
    ]);
    expect((await diagnose(revoked.token)).verdict).toMatch(/^this token is not valid because it was revoked /);
    expect((await diagnose(over.token)).verdict).toMatch(/because it expired /);

    const unknown = await diagnose(makeApiToken(null).token);
    expect(unknown).toMatchObject({
      code: 10,
      verdict: "this token is not valid because this server does not know it",
    });
    const mistyped = await diagnose(`${revoked.token.slice(0, -1)}${revoked.token.endsWith("a") ? "b" : "a"}`);
    expect(mistyped).toMatchObject({ code: 10, verdict: "this is no token that the API takes" });
    expect(mistyped.item("form")?.evidence[0]).toContain("checksum is wrong");
  });
});

describe("what is no token for requests", () => {
  it("is told what it is, and does not leave this machine", async () => {
    const refresh = await diagnose(`refresh_${"0".repeat(32)}_${"x".repeat(43)}`, {
      TENANTCTL_API_URL: "http://127.0.0.1:1",
    });
    expect(refresh).toMatchObject({ code: 10 });
    expect(refresh.item("form")?.evidence[0]).toContain("a refresh token");
    expect((await diagnose(`reset_${"x".repeat(43)}`)).item("form")?.next).toBe("tenantctl redeem");
    expect((await diagnose("ghp_somebody-elses-secret")).item("form")?.evidence[0]).toContain("neither");
  });

  it("an argument is refused without being repeated, and nothing at all is a usage error", async () => {
    const argument = await runCli(["diagnose", "token", "tctl_secret"], { env, cwd: dir });
    expect(argument.code).toBe(2);
    expect(argument.stdout + argument.stderr).not.toContain("tctl_secret");
    expect((await run("")).code).toBe(2);
  });
});

describe("without the API", () => {
  const away = { TENANTCTL_API_URL: "http://127.0.0.1:1" };

  it("what the token itself says is told, and that the rest is not known", async () => {
    const { token, admin } = await server.provision();
    const found = await diagnose(token, away);
    expect(found).toMatchObject({
      code: 0,
      result: "needs_person",
      verdict: "this token may be valid; only the server can tell",
    });
    expect(found.item("claims")?.evidence).toContain(`account: ${admin.email}`);
    expect(found.item("server")?.evidence[0]).toMatch(/^the API was not asked: /);
    const past = await diagnose(altered(token, { exp: 1_700_000_000 }), away);
    expect(past).toMatchObject({ code: 10, verdict: "this token is not valid, by what it says itself" });
    expect((await diagnose(makeApiToken(null).token, away)).code).toBe(0);
  });

  it("without a login too", async () => {
    const { token } = await server.provision();
    const { TENANTCTL_TOKEN: _, ...bare } = env;
    const { code, stdout } = await runCli(["diagnose", "token"], { env: bare, cwd: dir, input: token });
    expect(code).toBe(0);
    expect(stdout).toContain("the API was not asked: not logged in");
  });
});

it("asks on a terminal without an echo, and leaves the token nowhere", async () => {
  const { token } = await server.provision();
  const terminal = startInPty(process.execPath, [bin, "diagnose", "token"], {
    env: { ...env, TERM: "xterm" },
    cwd: dir,
  });
  await terminal.waitFor(/The token:/);
  terminal.write(`${token}\r`);
  const { code, stdout } = await terminal.exit;
  expect(code, stdout).toBe(0);
  expect(stdout).toContain("this token is valid");
  expect(stdout).not.toContain(token.slice(0, 30));

  await server.app.refusals.flush();
  const tail = token.slice(-20);
  const tables = await server.asOwner<{ name: string }>(
    "select c.oid::regclass::text as name from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = 'app' and c.relkind = 'r'",
  );
  for (const { name } of tables) {
    const kept = await server.asOwner(`select 1 from ${name} x where x::text like $1 limit 1`, [`%${tail}%`]);
    expect([name, kept.length]).toEqual([name, 0]);
  }
  const rows = await server.asOwner(
    "select detail, resource_type from app.audit_log where action = 'diagnose' and detail = 'valid'",
  );
  expect(rows.length).toBeGreaterThan(0);
});

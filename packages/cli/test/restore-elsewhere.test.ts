import { randomBytes } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { generateKey } from "@tenantctl/archive";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { createDatabase } from "../../database/test/harness/database.ts";
import { runCli } from "../../database/test/harness/process.ts";
import { firstOperator, type Provisioned, startTestServer, type TestServer } from "../../server/test/fixture/server.ts";

let server: TestServer;
let home: string;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server?.stop());
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "tenantctl-elsewhere-"));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const jwt = randomBytes(32).toString("hex");
const tokenOf = async ({ request, operatorToken }: TestServer): Promise<string> => {
  const body = { name: "restoring", scopes: ["all"], expiresInDays: 1 };
  return (await request("POST", "/api/admin/tokens", { token: await operatorToken(), body })).body.token;
};
const run = async (target: TestServer, args: readonly string[], more: Record<string, string> = {}) =>
  runCli(args, {
    cwd: home,
    env: {
      HOME: home,
      TMPDIR: home,
      TENANTCTL_API_URL: target.url,
      TENANTCTL_TOKEN: await tokenOf(target),
      TENANTCTL_ROLE_PREFIX: target.database.prefix,
      ...more,
    },
  });
const furnished = async (name: string): Promise<Provisioned> => {
  const tenant = await server.provision();
  await server.request("POST", "/api/customers", { token: tenant.token, body: { name } });
  return tenant;
};
const customersOf = async ({ request, operatorToken }: TestServer, tenant: string): Promise<string[]> => {
  const reply = await request("GET", `/api/customers?tenantId=${tenant}`, { token: await operatorToken() });
  return reply.body.map(({ name }: { name: string }) => name);
};

describe("a tenant out of another database", () => {
  it("is restored like one out of an archive; the file in between is gone", async () => {
    const tenant = await furnished("Ann");
    const target = await startTestServer();
    onTestFinished(() => target.stop());
    writeFileSync(join(home, "url"), `${server.database.url}\n`, { mode: 0o600 });
    const args = ["restore", tenant.slug, "--from-database-url-file", join(home, "url")];
    const { code, stderr } = await run(target, [...args, "--as-new", "from-elsewhere"]);
    expect({ code, stderr }).toMatchObject({ code: 0, stderr: expect.stringContaining("from the other database") });
    expect(await customersOf(target, "from-elsewhere")).toEqual(["Ann"]);
    expect(readdirSync(home).filter((name) => name.startsWith("tenantctl-"))).toEqual([]);
    const password = new URL(server.database.url).password;
    expect(stderr).not.toContain(password);

    // What the other database's tenant has become since then is the difference.
    await server.request("POST", "/api/customers", { token: tenant.token, body: { name: "Bob" } });
    await run(target, [...args, "--original"]);
    await server.request("POST", "/api/customers", { token: tenant.token, body: { name: "Cleo" } });
    const diff = await run(target, [...args, "--diff"]);
    expect(diff.stdout).toMatch(/^app\.customers +1 +0 +0 +2$/m);
  });

  it("is not read with a password in the arguments, and a wrong source is said to be one", async () => {
    const { url } = server.database;
    const typed = await run(server, ["restore", "acme", "--from-database", url, "--as-new", "acme-copy"]);
    expect([typed.code, typed.stderr]).toEqual([2, expect.stringContaining("--from-database-url-file")]);
    writeFileSync(join(home, "url"), url);
    const args = ["restore", "nobody", "--from-database-url-file", join(home, "url"), "--as-new", "acme-copy"];
    const absent = await run(server, args);
    expect([absent.code, absent.stderr]).toEqual([6, expect.stringContaining("There is no such tenant")]);
    writeFileSync(join(home, "url"), url.replace(/:\d+\//, ":1/"));
    const away = await run(server, args);
    expect([away.code, away.stderr]).toEqual([9, expect.not.stringContaining(new URL(url).password)]);
  });
});

describe("a lost system", () => {
  it("is back from one run: operators, tenants in their states, data, log", async () => {
    const suspended = await furnished("Ann");
    const deleted = await furnished("Bob");
    const token = await server.operatorToken();
    await server.request("POST", `/api/admin/tenants/${suspended.id}/suspend`, { token, body: {} });
    await server.request("POST", `/api/admin/tenants/${deleted.id}/delete`, { token, body: {} });
    const active = await furnished("Cleo");
    const key = await generateKey();
    writeFileSync(join(home, "key"), key.identity, { mode: 0o600 });
    const backup = await run(server, ["backup", "--recipient", key.recipient]);
    expect(backup.code).toBe(0);

    const database = await createDatabase();
    const env = {
      DATABASE_URL: database.url,
      TENANTCTL_ROLE_PREFIX: database.prefix,
      TENANTCTL_TOKEN: "",
      TENANTCTL_JWT_SECRET: jwt,
    };
    const restore = ["restore", "--system", "--identity-file", join(home, "key")];
    const { code, stdout, stderr } = await run(server, restore, env);
    expect({ code, stderr: code === 0 ? "" : stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(new RegExp(`^${active.slug} +active +restored `, "m"));
    expect(stdout).toMatch(new RegExp(`^${suspended.slug} +suspended +restored `, "m"));

    const rebuilt = await startTestServer({ database });
    onTestFinished(() => rebuilt.stop());
    const operator = (await rebuilt.login(firstOperator)).accessToken;
    const listed = await rebuilt.request("GET", "/api/admin/tenants?includeDeleted=true", { token: operator });
    const original = await server.request("GET", "/api/admin/tenants?includeDeleted=true", { token });
    const facts = ({ id, slug, status, plan, createdAt }: Record<string, unknown>) => ({
      id,
      slug,
      status,
      plan,
      createdAt,
    });
    expect(listed.body.map(facts)).toEqual(original.body.map(facts));
    expect(await customersOf(rebuilt, active.slug)).toEqual(["Cleo"]);
    expect(await customersOf(rebuilt, suspended.slug)).toEqual(["Ann"]);
    await rebuilt.login(active.admin);
    const log = await rebuilt.request("GET", `/api/audit-logs?tenantId=${deleted.id}`, { token: operator });
    expect(log.body.map(({ action }: { action: string }) => action)).toContain("delete");

    const again = await run(server, restore, env);
    expect([again.code, again.stderr]).toEqual([7, expect.stringContaining("This database is in use")]);
  });

  it("names the tenants whose archive is damaged, and brings the others back", async () => {
    const good = await furnished("Ann");
    const bad = await furnished("Bob");
    expect((await run(server, ["backup"])).code).toBe(0);
    const [folder = ""] = readdirSync(join(home, "backups")).filter((name) => !name.startsWith("."));
    const path = join(home, "backups", folder, `${bad.slug}.tar`);
    const bytes = readFileSync(path);
    bytes.writeUInt8(bytes.readUInt8(3000) ^ 1, 3000);
    writeFileSync(path, bytes);
    const database = await createDatabase();
    onTestFinished(() => database.drop());
    const env = { DATABASE_URL: database.url, TENANTCTL_ROLE_PREFIX: database.prefix, TENANTCTL_JWT_SECRET: jwt };
    const { code, stdout, stderr } = await run(server, ["restore", "--system"], env);
    expect(code).toBe(3);
    expect(stdout).toMatch(new RegExp(`^${good.slug} +active +restored `, "m"));
    expect(stderr).toContain(`tenants are not back: ${bad.slug}`);
  });
});

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Exit, runCli } from "../../database/test/harness/process.ts";
import { startInPty } from "../../database/test/harness/pty.ts";
import { type Provisioned, startTestServer, type TestServer } from "../../server/test/fixture/server.ts";
import { plain } from "./fake-shell.ts";

const bin = fileURLToPath(new URL("../bin/tenantctl.js", import.meta.url));

let server: TestServer;
let tenant: Provisioned;
let dir: string;
let env: NodeJS.ProcessEnv;
beforeAll(async () => {
  server = await startTestServer();
  tenant = await server.provision();
  dir = mkdtempSync(join(tmpdir(), "tenantctl-logs-"));
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

/** The longest line that a command prints on a terminal of that width. */
const widestOn = async (columns: number, ...args: string[]): Promise<number> => {
  const shown = startInPty(process.execPath, [bin, ...args], { env: { ...env, TERM: "xterm" }, columns });
  const { stdout } = await shown.exit;
  const rows = plain(stdout)
    .split(/\r?\n/)
    .filter((line) => !line.startsWith("("));
  return Math.max(...rows.map((line) => line.length));
};

describe("logs errors", () => {
  it("lists what went wrong, shows one kind, and resolves it", async () => {
    expect((await tenantctl("logs", "errors")).stderr).toContain("nothing went wrong");
    await server.asOwner("alter table app.customers rename to customers_away");
    await server.request("GET", "/api/customers", { token: tenant.token });
    await server.asOwner("alter table app.customers_away rename to customers");
    await server.app.errors.flush();
    const [{ fingerprint }] = JSON.parse((await tenantctl("logs", "errors", "--since", "24h", "-o", "json")).stdout);
    const listed = await tenantctl("logs", "errors", "--route", "customers.list");
    expect(listed.stdout).toMatch(new RegExp(`customers\\.list +internal .*${fingerprint}|${fingerprint}.*`));
    const shown = await tenantctl("logs", "errors", "show", fingerprint);
    expect(shown.stdout).toMatch(/message +relation "…" does not exist/);
    expect(shown.stdout).toMatch(/^ {2}at .*:\d+:\d+\)?$/m);
    expect(shown.stdout).toContain(`met by ${tenant.id}`);
    const resolved = await tenantctl("logs", "errors", "resolve", fingerprint, "--note", "renamed back");
    expect([resolved.code, resolved.stderr]).toEqual([0, expect.stringContaining("open again as soon as")]);
    expect((await tenantctl("logs", "errors", "-o", "json")).stdout.trim()).toBe("[]");
    expect(JSON.parse((await tenantctl("logs", "errors", "--all", "-o", "json")).stdout)).toHaveLength(1);
    expect((await tenantctl("logs", "errors", "show", "0123456789abcdef")).code).toBe(6);
    expect((await tenantctl("logs", "errors", "show", "nonsense")).code).toBe(2);
    for (const width of [80, 60]) expect(await widestOn(width, "logs", "errors", "--all")).toBeLessThanOrEqual(width);
  });
});

describe("logs access", () => {
  it("shows rows and sums, of all tenants and of one, within a terminal's width", async () => {
    await server.request("GET", "/api/customers", { token: tenant.token });
    expect((await tenantctl("customers", "list", tenant.slug)).code).toBe(0);
    await server.app.accessLog.flush();
    const rows = JSON.parse(
      (await tenantctl("logs", "access", tenant.slug, "--route", "customers.list", "-o", "json")).stdout,
    );
    expect(rows.map((row: { actor: { name: string } }) => row.actor.name).toSorted()).toEqual(
      [tenant.admin.email, server.operator.email].toSorted(),
    );
    const byActor = await tenantctl("logs", "access", tenant.slug, "--by", "actor");
    expect(byActor.stdout).toContain(server.operator.email);
    const byTenant = await tenantctl("logs", "access", "--by", "tenant", "--actor", server.operator.email ?? "");
    expect(byTenant.stdout).toContain(tenant.slug);
    expect(byTenant.stdout).toContain("(system)");
    expect((await tenantctl("logs", "access", "--by", "address", "--limit", "3")).code).toBe(2);
    expect((await tenantctl("logs", "access", "no-such-tenant")).code).toBe(6);
    for (const width of [80, 60]) {
      expect(await widestOn(width, "logs", "access")).toBeLessThanOrEqual(width);
      expect(await widestOn(width, "logs", "access", tenant.slug, "--by", "actor")).toBeLessThanOrEqual(width);
    }
  });

  it("is the tenant's own under its own login", async () => {
    const own = { ...env, TENANTCTL_TOKEN: tenant.token };
    const { stdout } = await runCli(["logs", "access", "-o", "json"], { env: own, cwd: dir });
    const tenants = new Set(JSON.parse(stdout).map((row: { tenantId: string }) => row.tenantId));
    expect(tenants).toEqual(new Set([tenant.id]));
    const sums = await runCli(["logs", "access", "--by", "actor"], { env: own, cwd: dir });
    expect(sums.stdout).toContain(tenant.admin.email);
  });
});

import { describe, expect, it } from "vitest";
import { keys } from "../../database/test/harness/pty.ts";
import { details, operatorPassword, tenant } from "./fake-api.ts";
import { openShell, plain, type Shell } from "./fake-shell.ts";

const withTenants = async (): Promise<Shell> => {
  const shell = await openShell();
  await shell.login();
  const all = ["acme", "globex", "initech"].map((slug) => tenant(slug));
  shell.api.on("GET /api/admin/tenants", ({ url }) => ({
    body: all.filter(({ slug }) => slug.startsWith(url.searchParams.get("search") ?? "")),
  }));
  shell.api.on("GET /api/admin/tenants/*", ({ url }) => ({ body: details(url.pathname.split("/").at(-1) ?? "") }));
  shell.api.on("POST /api/admin/tenants/*", ({ url }) => ({
    body: {
      ...tenant(url.pathname.split("/").at(-2) ?? ""),
      changed: true,
      dryRun: url.searchParams.has("dryRun"),
      sessionsEnded: 2,
      hard: true,
      rows: { users: 3 },
      operation: null,
    },
  }));
  return shell;
};
const changes = ({ api }: Shell): string[] =>
  api.seen
    .filter(({ method, path }) => method === "POST" && !path.includes("/auth/") && !path.includes("dryRun"))
    .map(({ path }) => path);

describe("on a terminal", () => {
  it("a missing tenant is chosen from a list that narrows while typing", async () => {
    const shell = await withTenants();
    const show = shell.terminal(["show"]);
    await show.waitFor(/initech/);
    show.write("glo");
    await show.waitFor(/❯ globex/);
    show.write(keys.enter);
    const { code, stdout } = await show.exit;
    expect(code).toBe(0);
    expect(plain(stdout)).toMatch(/slug +globex/);
  });

  it("a destructive step shows what it would touch and takes no for an answer, exit 5", async () => {
    const shell = await withTenants();
    const suspend = shell.terminal(["suspend", "acme"]);
    await suspend.waitFor(/Suspend acme\?/);
    expect(plain(suspend.stdout())).toMatch(
      /users +3, 2 sessions open\n +rows +users 3, customers 41[\s\S]*last backup +2025-12-02 02:30 UTC/,
    );
    suspend.write(`n${keys.enter}`);
    expect((await suspend.exit).code).toBe(5);
    expect(changes(shell)).toEqual([]);
    const again = shell.terminal(["suspend", "acme"]);
    await again.waitFor(/Suspend acme\?/);
    again.write(`y${keys.enter}`);
    expect((await again.exit).code).toBe(0);
    expect(changes(shell)).toEqual(["/api/admin/tenants/acme/suspend"]);
  });

  it("a hard delete asks for the slug, and --yes does not answer for it", async () => {
    const shell = await withTenants();
    const wrong = shell.terminal(["delete", "acme", "--hard", "--yes"]);
    await wrong.waitFor(/Type acme to go on/);
    wrong.write(`yes${keys.enter}`);
    expect((await wrong.exit).code).toBe(5);
    expect(changes(shell)).toEqual([]);
    const right = shell.terminal(["delete", "acme", "--hard"]);
    await right.waitFor(/Type acme to go on/);
    right.write(`acme${keys.enter}`);
    expect((await right.exit).code).toBe(0);
    expect(changes(shell)).toEqual(["/api/admin/tenants/acme/delete"]);
  });

  it("Ctrl-C at a question ends with 130 and changes nothing", async () => {
    const shell = await withTenants();
    const provision = shell.terminal(["provision"]);
    await provision.waitFor(/The tenant's name/);
    provision.write(keys.ctrlC);
    expect((await provision.exit).code).toBe(130);
    expect(changes(shell)).toEqual([]);
  });

  it("a password is asked for and not shown", async () => {
    const shell = await openShell();
    const login = shell.terminal(["login", "--api-url", shell.api.url, "--email", "op@example.com"]);
    await login.waitFor(/password:/);
    login.write(`${operatorPassword}${keys.enter}`);
    const { code, stdout } = await login.exit;
    expect(code).toBe(0);
    expect(stdout).not.toContain(operatorPassword);
  });

  it("a password that must be changed is asked for twice, and the login goes on with it", async () => {
    const shell = await openShell();
    shell.api.mustChangePassword(true);
    shell.api.on("POST /api/auth/password", () => {
      shell.api.mustChangePassword(false);
      return { body: { sessionsEnded: 0 } };
    });
    shell.api.on("GET /api/admin/tenants", () => ({ body: [tenant("acme")] }));
    const login = shell.terminal(["login", "--api-url", shell.api.url, "--email", "op@example.com"]);
    await login.waitFor(/password:/);
    login.write(`${operatorPassword}${keys.enter}`);
    await login.waitFor(/The new password:/);
    login.write(`another password${keys.enter}`);
    await login.waitFor(/The new password again:/);
    login.write(`another password${keys.enter}`);
    expect((await login.exit).code).toBe(0);
    expect(shell.api.seen.find(({ path }) => path === "/api/auth/password")?.body).toEqual({
      currentPassword: operatorPassword,
      newPassword: "another password",
    });
    expect(await shell.run(["list"])).toMatchObject({ code: 0 });
    // Without anybody to ask it is said instead.
    shell.api.mustChangePassword(true);
    expect((await shell.login()).stderr).toContain("next: tenantctl password");
    const list = await shell.run(["list"]);
    expect(list.code).toBe(4);
    expect(list.stderr).toContain("tenantctl password");
  });

  it("nothing is asked with --no-input or in CI: exit 2 names the flag", async () => {
    const shell = await withTenants();
    const exit = await shell.terminal(["provision", "--no-input"]).exit;
    expect(exit.code).toBe(2);
    expect(plain(exit.stdout)).toMatch(/missing: .*--contact-email/);
  });

  it("lists fit 60 columns, and colour goes with NO_COLOR", async () => {
    const shell = await withTenants();
    const { stdout } = await shell.terminal(["list"], 60).exit;
    const lines = plain(stdout).split("\n");
    expect(lines[0]).toMatch(/^SLUG +NAME +STATUS/);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(60);
    expect(stdout).toContain("\u001b[32mactive");
    expect((await shell.terminal(["list", "--no-color"], 60).exit).stdout).not.toContain("\u001b[3");
  });

  it("help fits 60 columns, word by word", async () => {
    const shell = await openShell();
    const help = plain((await shell.terminal(["logs", "--help"], 60).exit).stdout);
    for (const line of help.split("\n")) expect(line.trimEnd().length, line).toBeLessThanOrEqual(60);
    expect(help.replace(/\s+/g, " ")).toContain("a time, or a duration such as 24h or 7d");
  });

  it("the audit log keeps its times in 60 columns", async () => {
    const shell = await withTenants();
    const at = "2026-11-24T04:10:15.000Z";
    const row = { at, actor: { name: "ann@example.com" }, action: "password_reset", resourceType: "operator" };
    shell.api.on("GET /api/audit-logs", () => ({ body: [{ ...row, outcome: "success" }] }));
    const { stdout } = await shell.terminal(["audit"], 60).exit;
    expect(plain(stdout)).toMatch(/^2026-11-24 04:10:15 +ann@\S+ +password_reset/m);
  });
});

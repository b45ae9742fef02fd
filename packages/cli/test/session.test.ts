import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { apiToken, tenant } from "./fake-api.ts";
import { openShell, type Shell } from "./fake-shell.ts";

const listing = ({ api }: Shell): void => api.on("GET /api/admin/tenants", () => ({ body: [tenant("acme")] }));
const refreshes = ({ api }: Shell): number => api.seen.filter(({ path }) => path === "/api/auth/refresh").length;

describe("a login", () => {
  it("is kept in files for its owner alone, and never on screen", async () => {
    const shell = await openShell();
    const login = await shell.login();
    expect(login).toMatchObject({ code: 0, stdout: "" });
    expect(login.stderr).toContain("logged in to");
    const file = join(shell.dir, "credentials", "default.json");
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(join(shell.dir, "credentials")).mode & 0o777).toBe(0o700);
    expect(login.stderr).not.toContain("access-");
  });

  it("is renewed by itself when the access token has expired", async () => {
    const shell = await openShell();
    listing(shell);
    await shell.login();
    shell.api.expire();
    expect(await shell.run(["list"])).toMatchObject({ code: 0 });
    expect(refreshes(shell)).toBe(1);
  });

  it("shared by many shells at once is renewed once and logs none of them out", async () => {
    const shell = await openShell();
    listing(shell);
    await shell.login();
    // Refresh tokens of the fake API work once, without any grace.
    shell.api.expire();
    const exits = await Promise.all(Array.from({ length: 8 }, () => shell.run(["list", "-o", "json"])));
    expect(exits.map(({ code, stderr }) => ({ code, stderr }))).toEqual(Array(8).fill({ code: 0, stderr: "" }));
    expect(refreshes(shell)).toBe(1);
    expect(readdirSync(join(shell.dir, "credentials"))).toEqual(["default.json"]);
  });

  it("is renewed although a process died while it held the lock", async () => {
    const shell = await openShell();
    listing(shell);
    await shell.login();
    shell.api.expire();
    const dead = await shell.start(["version"]);
    await dead.exit;
    const { hostname } = await import("node:os");
    writeFileSync(
      join(shell.dir, "credentials", "default.json.lock"),
      JSON.stringify({ pid: dead.pid, host: hostname() }),
    );
    expect(await shell.run(["list"])).toMatchObject({ code: 0 });
  });

  it("that has ended says how to log in again, exit 4", async () => {
    const shell = await openShell();
    await shell.login();
    const file = join(shell.dir, "credentials", "default.json");
    writeFileSync(
      file,
      JSON.stringify({ ...JSON.parse(readFileSync(file, "utf8")), refreshToken: "spent", expiresAt: 0 }),
    );
    const list = await shell.run(["list"]);
    expect(list.code).toBe(4);
    expect(list.stderr).toContain("next: Log in with `tenantctl login`");
    // Another system than the context's: the login that is advised goes there, and leaves the context as it is.
    const other = await shell.run(["list", "--api-url", "http://localhost:1"]);
    expect([other.code, other.stderr]).toEqual([
      4,
      expect.stringContaining("`tenantctl login --api-url http://localhost:1 --context NAME`"),
    ]);
  });

  it("ends on the server and here", async () => {
    const shell = await openShell();
    await shell.login();
    expect(await shell.run(["logout"])).toMatchObject({ code: 0 });
    expect(shell.api.seen.at(-1)?.path).toBe("/api/auth/logout");
    expect(readdirSync(join(shell.dir, "credentials"))).toEqual([]);
  });

  it("is not stored when the password is wrong", async () => {
    const shell = await openShell();
    const wrong = await shell.run(["login", "--api-url", shell.api.url, "--email", "a@b.c", "--password-stdin"], {
      input: "no\n",
    });
    expect(wrong).toMatchObject({ code: 4, stdout: "" });
    expect((await shell.run(["list", "--api-url", shell.api.url])).code).toBe(4);
  });
});

describe("where a command goes", () => {
  it("is the flag's, then the environment's, then the context's address", async () => {
    const [one, two] = [await openShell(), await openShell()];
    for (const shell of [one, two]) listing(shell);
    await one.login();
    const env = { TENANTCTL_API_URL: two.api.url, TENANTCTL_TOKEN: apiToken };
    const askedOf = (shell: Shell): number =>
      shell.api.seen.filter(({ path }) => path.startsWith("/api/admin/tenants")).length;
    await one.run(["list"]);
    expect([askedOf(one), askedOf(two)]).toEqual([1, 0]);
    await one.run(["list"], { env });
    expect([askedOf(one), askedOf(two)]).toEqual([1, 1]);
    await one.run(["list", "--context", "default"], { env });
    expect([askedOf(one), askedOf(two)]).toEqual([2, 1]);
    // A token that is paired with another API did not travel along.
    expect(one.api.seen.at(-1)?.authorization).toMatch(/^Bearer access-/);
  });

  it("never takes a login to another address", async () => {
    const [one, two] = [await openShell(), await openShell()];
    await one.login();
    const list = await one.run(["list", "--api-url", two.api.url]);
    expect(list.code).toBe(4);
    expect(two.api.seen).toEqual([]);
  });

  it("is not another host over plain http, exit 2", async () => {
    const shell = await openShell();
    const env = { TENANTCTL_API_URL: "http://tenants.example.com", TENANTCTL_TOKEN: apiToken };
    const list = await shell.run(["list"], { env });
    expect(list).toMatchObject({ code: 2, stdout: "" });
    expect(list.stderr).toContain("plain http");
  });

  it("comes with a token from the environment or a file", async () => {
    const shell = await openShell();
    listing(shell);
    mkdirSync(shell.dir, { recursive: true });
    const file = join(shell.dir, "token.txt");
    writeFileSync(file, `${apiToken}\n`);
    const base = { TENANTCTL_API_URL: shell.api.url };
    expect((await shell.run(["list"], { env: { ...base, TENANTCTL_TOKEN: apiToken } })).code).toBe(0);
    expect((await shell.run(["list"], { env: { ...base, TENANTCTL_TOKEN_FILE: file } })).code).toBe(0);
    expect((await shell.run(["list"], { env: base })).code).toBe(4);
  });
});

describe("a protected context", () => {
  it("must be named by whatever changes something", async () => {
    const shell = await openShell();
    listing(shell);
    shell.api.on("POST /api/admin/tenants/*", () => ({
      body: { ...tenant("acme"), changed: true, dryRun: false, sessionsEnded: 0 },
    }));
    await shell.run(["context", "add", "prod", "--url", shell.api.url, "--protected"]);
    await shell.login(["--context", "prod"]);
    expect((await shell.run(["list"])).code).toBe(0);
    const suspend = await shell.run(["suspend", "acme", "--yes"]);
    expect(suspend.code).toBe(2);
    expect(suspend.stderr).toContain("add --context prod");
    expect((await shell.run(["api", "POST", "/api/admin/tenants/acme/suspend"])).code).toBe(2);
    expect(shell.api.seen.some(({ method, path }) => method === "POST" && path.includes("suspend"))).toBe(false);
    expect((await shell.run(["suspend", "acme", "--yes", "--context", "prod"])).code).toBe(0);
  });

  it("is listed, shown and forgotten", async () => {
    const shell = await openShell();
    await shell.login();
    await shell.run(["context", "add", "prod", "--url", "https://tenants.example.com", "--protected"]);
    const list = await shell.run(["context", "list", "-o", "json"]);
    expect(JSON.parse(list.stdout)).toMatchObject([
      { name: "default", current: true, protected: false, credentials: "session" },
      { name: "prod", current: false, protected: true, credentials: null },
    ]);
    await shell.run(["context", "use", "prod"]);
    expect(JSON.parse((await shell.run(["context", "show", "-o", "json"])).stdout)).toMatchObject({ name: "prod" });
    await shell.run(["context", "remove", "default"]);
    expect(readdirSync(join(shell.dir, "credentials"))).toEqual([]);
    expect((await shell.run(["list", "--context", "default"])).code).toBe(2);
  });
});

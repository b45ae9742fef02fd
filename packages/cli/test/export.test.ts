import { execFileSync } from "node:child_process";
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { runCli, startCli, startProcess } from "../../database/test/harness/process.ts";
import { startInPty } from "../../database/test/harness/pty.ts";
import { startTestServer, type TestServer } from "../../server/test/fixture/server.ts";
import { documentOf, type ExportServer, idOf, startExportServer } from "./export-server.ts";
import { apiToken } from "./fake-api.ts";

const cli = fileURLToPath(new URL("../bin/tenantctl.js", import.meta.url));

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "tenantctl-export-"));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));
const file = (name: string): string => join(home, name);

describe("a tenant of the real API", () => {
  let server: TestServer;
  let token: string;
  let adminToken: string;
  beforeAll(async () => {
    server = await startTestServer();
    token = await server.operatorToken();
    adminToken = (await server.provision({ slug: "acme" })).token;
    await server.provision({ slug: "globex" });
    const customer = { name: "Ann \u202enna", email: "ann@example.com" };
    const made = await server.request("POST", "/api/customers", { token: adminToken, body: customer });
    if (made.status !== 201) throw new Error(`no customer: ${made.text}`);
  });
  afterAll(() => server?.stop());

  const env = (as = token) => ({ HOME: home, TENANTCTL_API_URL: server.url, TENANTCTL_TOKEN: as });
  const run = (args: readonly string[], as = token) => runCli(["export", ...args], { cwd: home, env: env(as) });

  it("goes to standard output, byte for byte as it came", async () => {
    const { code, stdout, stderr } = await run(["acme"]);
    expect([code, stderr]).toEqual([0, ""]);
    const { format, tenant, counts } = JSON.parse(stdout);
    expect([format, tenant.slug, counts.users]).toEqual(["tenantctl-export/1", "acme", 1]);
    expect((await run(["--tenant", "acme", "-f", "-"])).stdout.slice(0, 40)).toBe(stdout.slice(0, 40));
  });

  it("goes to a file that only its owner can read, and says what is in it", async () => {
    writeFileSync(file("acme.json"), "what was there", { mode: 0o644 });
    const { code, stdout, stderr } = await run(["acme", "-f", "acme.json"]);
    expect([code, stdout]).toEqual([0, ""]);
    expect(stderr).toMatch(/^exported acme: .*users 1.*: .*acme\.json\n$/);
    expect(readdirSync(home)).toEqual(["acme.json"]);
    expect(statSync(file("acme.json")).mode & 0o777).toBe(0o600);
    const { stdout: summary } = await run(["acme", "-f", "acme.json", "-o", "json"]);
    expect(JSON.parse(summary)).toMatchObject({
      tenant: "acme",
      bytes: statSync(file("acme.json")).size,
      rows: { users: 1 },
    });
  });

  it("is a tenant's own without saying which, and nobody else's", async () => {
    const own = await run([], adminToken);
    expect(JSON.parse(own.stdout).tenant.slug).toBe("acme");
    const { code, stdout } = await run(["globex", "-f", "x.json"], adminToken);
    expect([code, stdout]).toEqual([6, ""]);
    expect(readdirSync(home)).toEqual([]);
  });

  it("on a terminal is kept in a file of the tenant's name, which is not replaced unasked", async () => {
    const args = [cli, "export", "acme"];
    const first = await startInPty(process.execPath, args, { cwd: home, env: env() }).exit;
    expect(first.stdout).toMatch(/exported acme: .*: acme\.json/);
    const content = readFileSync(file("acme.json"), "utf8");
    expect(JSON.parse(content).tenant.slug).toBe("acme");
    const second = await startInPty(process.execPath, args, { cwd: home, env: env() }).exit;
    expect(second.code).toBe(7);
    expect(second.stdout).toContain("-f acme.json replaces it");
    expect(readFileSync(file("acme.json"), "utf8")).toBe(content);
    expect(readdirSync(home)).toEqual(["acme.json"]);
  });

  it("cannot give orders to a terminal", async () => {
    const { stdout } = await startInPty(process.execPath, [cli, "export", "acme", "-f", "-"], { cwd: home, env: env() })
      .exit;
    expect(stdout).toContain("Ann \\u202enna");
  });

  it.each([
    [["acme", "-f", "."], 2, /is a folder/],
    [["acme", "-f", "none/acme.json"], 1, /cannot write .*none/],
    [["acme", "-o", "csv"], 2, /one JSON document, not csv/],
    [["nobody", "-f", "x.json"], 6, /error: /],
    [[], 2, /missing: --tenant|tenantId|Say which tenant/i],
  ])("%j is refused with exit %d", async (args, exit, said) => {
    const { code, stderr } = await run(args);
    expect([code, stderr]).toEqual([exit, expect.stringMatching(said)]);
    expect(readdirSync(home)).toEqual([]);
  });

  it("goes through a link to the file that it leads to, and into a device", async () => {
    mkdirSync(file("real"));
    writeFileSync(file("real/acme.json"), "");
    symlinkSync(file("real/acme.json"), file("link.json"));
    expect((await run(["acme", "-f", "link.json"])).code).toBe(0);
    expect(lstatSync(file("link.json")).isSymbolicLink()).toBe(true);
    expect(JSON.parse(readFileSync(file("real/acme.json"), "utf8")).tenant.slug).toBe("acme");
    execFileSync("mkfifo", [file("pipe")]);
    const reader = startProcess("cat", [file("pipe")]);
    try {
      expect(await run(["acme", "-f", "pipe"])).toMatchObject({ code: 0, stderr: expect.stringMatching(/^exported/) });
      expect(JSON.parse((await reader.exit).stdout).tenant.slug).toBe("acme");
    } finally {
      reader.kill();
    }
    expect(lstatSync(file("pipe")).isFIFO()).toBe(true);
  });
});

describe("a transfer that does not come whole", () => {
  let server: ExportServer;
  beforeAll(async () => {
    server = await startExportServer(["acme"]);
  });
  afterAll(() => server.close());
  const options = () => ({
    cwd: home,
    env: { HOME: home, TENANTCTL_API_URL: server.url, TENANTCTL_TOKEN: apiToken },
  });
  const half = documentOf("acme", idOf(0), 500).slice(0, 30_000);

  it("is exit 9 and leaves the file that was there, and no other", async () => {
    server.on("acme", (response) => response.write(half, () => response.destroy()));
    writeFileSync(file("acme.json"), "what was there");
    const { code, stderr } = await runCli(["export", "acme", "-f", "acme.json"], options());
    expect(code).toBe(9);
    expect(stderr).toMatch(/^error: the export of acme was broken off: .*\nnext: /);
    expect(readdirSync(home)).toEqual(["acme.json"]);
    expect(readFileSync(file("acme.json"), "utf8")).toBe("what was there");
  });

  it("is exit 9 in a pipe too, for what ended in order as well", async () => {
    server.on("acme", (response) => response.writeHead(200).end(half));
    expect((await runCli(["export", "acme"], options())).code).toBe(9);
  });

  it("is given up when no byte comes", async () => {
    server.on("acme", (response) => response.writeHead(200).write(half));
    const { code, stderr } = await runCli(
      ["export", "acme", "-f", "acme.json", "--stall-timeout", "1", "-o", "json"],
      options(),
    );
    expect(code).toBe(9);
    expect(JSON.parse(stderr)).toMatchObject({ code: "timeout", exit: 9 });
    expect(readdirSync(home)).toEqual([]);
  });

  it.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)("leaves nothing behind on %s, exit %d", async (signal, exit) => {
    const begun = new Promise<void>((resolve) => {
      server.on("acme", (response) => response.writeHead(200).write(half, () => resolve()));
    });
    const run = startCli(["export", "acme", "-f", "acme.json"], options());
    await begun;
    await expect.poll(() => readdirSync(home), { timeout: 20_000 }).toHaveLength(1);
    run.kill(signal);
    expect((await run.exit).code).toBe(exit);
    expect(readdirSync(home)).toEqual([]);
  });

  it("says so when nothing can take it", async () => {
    server.on("acme", (response) => response.writeHead(200).end(documentOf("acme", idOf(0))));
    const { code, stderr } = await runCli(["export", "acme", "-f", "/dev/full"], options());
    expect(code).toBe(1);
    expect(stderr).toContain("error: the disk is full: /dev/full");
    const redirect = `"$0" "$1" export acme > /dev/full`;
    const redirected = await startProcess("/bin/sh", ["-c", redirect, process.execPath, cli], options()).exit;
    expect(redirected.code).toBe(1);
    expect(redirected.stderr).toContain("error: the disk is full: standard output");
  });
});

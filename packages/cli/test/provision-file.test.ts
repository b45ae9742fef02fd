import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { runCli, startCli } from "../../database/test/harness/process.ts";
import { startTestServer, type TestServer } from "../../server/test/fixture/server.ts";
import { until } from "../../server/test/fixture/until.ts";
import { type Fate, startForwarder } from "./fixture/forward.ts";

let server: TestServer;
let token: string;
beforeAll(async () => {
  server = await startTestServer();
  const { status, text, body } = await server.request("POST", "/api/admin/tokens", {
    token: await server.operatorToken(),
    body: { name: "bulk", scopes: ["all"], expiresInDays: 1 },
  });
  if (status !== 201) throw new Error(`no token: ${text}`);
  token = body.token;
});
afterAll(() => server?.stop());

let home: string;
let made = 0;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "tenantctl-provision-"));
  made += 1;
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

/** A slug of this test's own. */
const own = (name: string): string => `${name}-${made}`;
const rowOf = (name: string, more: Record<string, unknown> = {}) => ({
  name,
  slug: own(name),
  contactEmail: `it@${name}.example`,
  adminName: "Ada Admin",
  adminEmail: `ada@${name}.example`,
  plan: "basic",
  ...more,
});
const write = (name: string, rows: readonly object[] | string): string => {
  const text = typeof rows === "string" ? rows : rows.map((row) => `${JSON.stringify(row)}\n`).join("");
  writeFileSync(join(home, name), text);
  return name;
};
const options = (url = server.url) => ({
  cwd: home,
  env: { HOME: home, TENANTCTL_API_URL: url, TENANTCTL_TOKEN: token },
});
const provision = (args: readonly string[], more: { url?: string; input?: string } = {}) =>
  runCli(["provision", "--file", ...args], {
    ...options(more.url),
    ...(more.input === undefined ? {} : { input: more.input }),
  });
interface Line {
  readonly line: number;
  readonly slug: string;
  readonly outcome: string;
  readonly adminSecret: string | null;
  readonly attempts: number | null;
  readonly error: { code: string; detail: string } | null;
}
const reported = (name = "report.jsonl"): Line[] =>
  readFileSync(join(home, name), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
const tenants = async (): Promise<string[]> => {
  const { body } = await server.request("GET", "/api/admin/tenants", { token });
  return body.map(({ slug }: { slug: string }) => slug);
};
const forwarded = async (fate: (method: string, path: string, body: string) => Fate): Promise<string> => {
  const forwarder = await startForwarder(server.url, fate);
  onTestFinished(forwarder.close);
  return forwarder.url;
};
const isProvision = (path: string): boolean => path.startsWith("/api/admin/tenants/provision");

describe("a file of tenants", () => {
  it("is provisioned: administrators log in with their passwords, or set one with the report's secret", async () => {
    const [one, two] = [own("with"), own("without")];
    const file = write(
      "tenants.csv",
      `\ufeffname,slug,contact-email,admin-name,adminEmail,adminPassword,plan\r\n"With, Password",${one},it@x.example,Ada,ada@x.example,correct horse,pro\r\nWithout,${two},it@y.example,"Bo ""B"" Bell",bo@y.example,,\r\n`,
    );
    const { code, stdout, stderr } = await provision([file, "--plan", "basic", "--report", "report.jsonl"]);
    const [first, ...others] = stderr.trim().split("\n");
    expect([first, ...others.sort()]).toEqual(["provisioning 2 tenants", `${one}: provisioned`, `${two}: provisioned`]);
    expect(stdout).toMatch(/^provisioned 2 tenants, in \d+\.\d s; report: report\.jsonl\n$/);
    expect(code).toBe(0);
    expect(statSync(join(home, "report.jsonl")).mode & 0o777).toBe(0o600);
    await server.login({ email: "ada@x.example", password: "correct horse", tenant: one });
    const lines = new Map(reported().map((line) => [line.slug, line]));
    expect(lines.get(one)).toMatchObject({ line: 2, outcome: "provisioned", adminSecret: null, attempts: 1 });
    const secret = lines.get(two)?.adminSecret;
    const redeemed = await server.request("POST", "/api/auth/redeem", {
      body: { secret, newPassword: "a password of mine" },
    });
    expect(redeemed.status).toBe(200);
    await server.login({ email: "bo@y.example", password: "a password of mine", tenant: two });

    const again = await provision([file, "--plan", "basic", "--report", "report.jsonl"]);
    expect(again.stdout).toMatch(/^provisioned 0 tenants, 2 were there already, in /);
    expect(again.code).toBe(0);
    expect(reported().map(({ outcome }) => outcome)).toEqual(["provisioned", "provisioned", "existing", "existing"]);
    // Nobody's password or session was touched by that.
    await server.login({ email: "bo@y.example", password: "a password of mine", tenant: two });
  });

  it("with any fault makes nothing, names each with its line, exit 2", async () => {
    const before = await tenants();
    const file = write("tenants.jsonl", [
      rowOf("good"),
      rowOf("bad", { adminEmail: "nobody", plan: "gold" }),
      rowOf("again", { slug: own("good") }),
      { ...rowOf("secret", { adminPassword: "hush\u0000hush" }), colour: "red" },
    ]);
    const { code, stdout, stderr } = await provision([file, "--report", "report.jsonl"]);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toContain("tenants.jsonl has 5 faults");
    expect(stderr).toContain('line 2: adminEmail takes an e-mail, not "nobody"');
    expect(stderr).toContain('line 2: there is no plan "gold"');
    expect(stderr).toContain(`line 3: has the slug ${own("good")} of line 1`);
    expect(stderr).toMatch(/line 4: "colour" is none of/);
    expect(stderr).not.toContain("hush");
    const json = await provision([file, "--report", "report.jsonl", "-o", "json"]);
    expect(JSON.parse(json.stderr)).toMatchObject({ code: "invalid_request", exit: 2, faults: { length: 5 } });
    expect(() => readFileSync(join(home, "report.jsonl"))).toThrow(/ENOENT/);
    expect(await tenants()).toEqual(before);
  });

  it("from standard input, with JSON for programs", async () => {
    const input = `${JSON.stringify(rowOf("piped", { adminPassword: "correct horse", slug: undefined, name: own("Piped") }))}\n`;
    const { code, stdout, stderr } = await provision(["-", "-o", "json"], { input });
    expect(stderr).toBe("");
    expect(JSON.parse(stdout)).toMatchObject({ rows: 1, provisioned: 1, failed: 0, report: null, dryRun: false });
    expect(code).toBe(0);
    expect(await tenants()).toContain(own("piped"));
  });

  it("rehearsed says what would fail and makes nothing", async () => {
    const before = await tenants();
    const file = write("tenants.jsonl", [rowOf("would"), rowOf("weak", { adminPassword: "short" })]);
    const { code, stdout, stderr } = await provision([file, "--dry-run"]);
    expect(stdout).toMatch(/^dry run: would provision 1 tenant, 1 would fail, in /);
    expect(stderr).toMatch(/failed: line 2, weak-\d+: .*8/);
    expect(code).toBe(3);
    expect(await tenants()).toEqual(before);
  });

  it.each([
    [["tenants.jsonl"], /missing: --report\. 1 of 1 tenant has no adminPassword/],
    [["tenants.jsonl", "Acme"], /the name stands in the file/],
    [["tenants.jsonl", "--slug", "x", "--invite"], /--slug, --invite stands in the file/],
    [["tenants.jsonl", "--report", "tenants.jsonl"], /the same file/],
    [["tenants.jsonl", "--report", "."], /cannot write|takes a file/],
    [["tenants.jsonl", "--concurrency", "0"], /--concurrency takes a number from 1 to 32/],
    [["none.csv"], /cannot read none\.csv/],
    [["empty.csv"], /empty\.csv has no rows/],
    [["tenants.jsonl", "--dry-run", "--report", "r"], /nothing to report/],
  ])("is asked for with %j in vain", async (args, message) => {
    write("tenants.jsonl", [rowOf("vain")]);
    write("empty.csv", "\n");
    const { code, stderr } = await provision(args);
    expect(stderr).toMatch(message);
    expect(code).toBe(args.includes(".") ? 1 : 2);
    expect(await tenants()).not.toContain(own("vain"));
  });
});

describe("where something goes wrong", () => {
  it("one tenant that fails stops no other, exit 3, and is done by the next run once it is mended", async () => {
    await server.provision({ slug: own("taken") });
    const rows = [rowOf("first"), rowOf("taken"), rowOf("weak", { adminPassword: "short" }), rowOf("last")];
    const failed = await provision([write("tenants.jsonl", rows), "--report", "report.jsonl", "--concurrency", "1"]);
    expect(failed.code).toBe(3);
    expect(failed.stdout).toMatch(/^provisioned 2 tenants, 2 failed, in /);
    expect(failed.stderr).toContain(
      `failed: line 2, ${own("taken")}: another tenant has the slug ${own("taken")}: ada@taken.example is none of its users`,
    );
    expect(reported().map(({ outcome, error }) => [outcome, error?.code])).toEqual([
      ["provisioned", undefined],
      ["failed", "slug_taken"],
      ["failed", "weak_password"],
      ["provisioned", undefined],
    ]);
    const mended = [rows[0], rowOf("taken", { slug: own("free") }), rowOf("weak"), rows[3]].map((row) => ({ ...row }));
    const again = await provision([write("tenants.jsonl", mended), "--report", "report.jsonl"]);
    expect([again.code, again.stdout]).toEqual([
      0,
      expect.stringMatching(/^provisioned 2 tenants, 2 were there already, in /),
    ]);
  });

  it("a tenant that is deleted is not there already", async () => {
    const file = write("t.jsonl", [rowOf("gone", { adminPassword: "correct horse" })]);
    expect((await provision([file])).code).toBe(0);
    const path = `/api/admin/tenants/${own("gone")}/delete`;
    expect((await server.request("POST", path, { token, body: {} })).status).toBe(200);
    const { code, stderr } = await provision([file]);
    expect(code).toBe(3);
    expect(stderr).toContain(`failed: line 1, ${own("gone")}: a deleted tenant has the slug ${own("gone")}`);
  });

  it("an answer that is lost and a server that is full are tried again, and make one tenant with a secret that works", async () => {
    let calls = 0;
    const keys = new Set<string>();
    const full = () =>
      Response.json(
        { type: "", title: "", status: 503, code: "overloaded", detail: "full", hint: "wait", requestId: "r" },
        { status: 503, headers: { "content-type": "application/problem+json", "retry-after": "1" } },
      );
    const url = await forwarded((_, path, body) => {
      if (!isProvision(path)) return "pass";
      calls += 1;
      keys.add(body);
      return calls === 1 ? "lose" : calls === 2 ? full() : "pass";
    });
    const { code, stderr } = await provision([write("t.jsonl", [rowOf("lost")]), "--report", "report.jsonl"], { url });
    expect(stderr.match(/trying again/g)).toHaveLength(2);
    expect([code, calls, keys.size]).toEqual([0, 3, 1]);
    const [line] = reported();
    expect(line).toMatchObject({ outcome: "provisioned", attempts: 3 });
    const redeemed = await server.request("POST", "/api/auth/redeem", {
      body: { secret: line?.adminSecret, newPassword: "a password of mine" },
    });
    expect(redeemed.status).toBe(200);
  });

  it("Ctrl-C leaves a report of what was done and what was under way, and the next run ends it", async () => {
    let held = false;
    const url = await forwarded((_, path, body) => {
      if (!isProvision(path) || !body.includes(own("held"))) return "pass";
      held = true;
      return "hold";
    });
    const rows = [rowOf("before"), rowOf("held"), rowOf("after")];
    const args = ["--report", "report.jsonl", "--concurrency", "1"];
    const running = startCli(["provision", "--file", write("t.jsonl", rows), ...args], options(url));
    await until("the second row to be under way", () => held);
    running.kill("SIGINT");
    const { code, stderr } = await running.exit;
    expect(code).toBe(130);
    expect(stderr).toMatch(/cut short: 1 of 3 tenants are there; run it again to go on\n$/);
    expect(reported().map(({ slug, outcome }) => [slug, outcome])).toEqual([
      [own("before"), "provisioned"],
      [own("held"), "unknown"],
    ]);
    writeFileSync(join(home, "report.jsonl"), '{"half', { flag: "a" });
    const again = await provision(["t.jsonl", ...args]);
    expect(again.stdout).toMatch(/^provisioned 2 tenants, 1 was there already, in /);
    expect(readFileSync(join(home, "report.jsonl"), "utf8")).toMatch(/\n\{"half\n\{"at"/);
  });

  it("credentials that end midway stop the run; with nothing done it is their error, exit 4", async () => {
    const refuse = () =>
      Response.json(
        { type: "", title: "", status: 401, code: "token_invalid", detail: "revoked", hint: "log in", requestId: "r" },
        { status: 401, headers: { "content-type": "application/problem+json" } },
      );
    const url = await forwarded((_, path, body) =>
      isProvision(path) && !body.includes(own("before")) ? refuse() : "pass",
    );
    const rows = [rowOf("before"), rowOf("two"), rowOf("three"), rowOf("four")];
    const args = ["--report", "report.jsonl", "--concurrency", "1"];
    const midway = await provision([write("t.jsonl", rows), ...args], { url });
    expect(midway.code).toBe(3);
    expect(midway.stdout).toMatch(/^provisioned 1 tenant, 1 failed, 2 not tried, in /);
    const atOnce = await provision([write("t.jsonl", rows.slice(1)), ...args], { url });
    expect([atOnce.code, atOnce.stdout]).toEqual([4, ""]);
  });
});

it("one tenant with --invite gets a secret in place of a password", async () => {
  const { name, slug, contactEmail, adminName, adminEmail } = rowOf("invited");
  const flags = [
    "--slug",
    slug,
    "--contact-email",
    contactEmail,
    "--admin-name",
    adminName,
    "--admin-email",
    adminEmail,
  ];
  const { code, stdout, stderr } = await runCli(
    ["provision", name, "--plan", "basic", ...flags, "--invite"],
    options(),
  );
  expect(code).toBe(0);
  const secret = /admin secret +(reset_\S+)/.exec(stdout)?.[1];
  expect(stderr).toMatch(/it works once, for seven days/);
  const redeemed = await server.request("POST", "/api/auth/redeem", {
    body: { secret, newPassword: "a password of mine" },
  });
  expect(redeemed.status).toBe(200);
});

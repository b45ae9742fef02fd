import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { routes } from "@tenantctl/contract";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Exit, runCli } from "../../database/test/harness/process.ts";
import { startTestServer, type TestServer } from "../../server/test/fixture/server.ts";
import { guideSteps } from "../src/check/guide-steps.ts";
import { bashBlocks } from "./fixture/markdown-blocks.ts";

let server: TestServer;
let dir: string;
let env: NodeJS.ProcessEnv;
beforeAll(async () => {
  server = await startTestServer();
  dir = mkdtempSync(join(tmpdir(), "tenantctl-checks-"));
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

const check = (args: readonly string[], more: NodeJS.ProcessEnv = {}): Promise<Exit> =>
  runCli(["check", ...args], { env: { ...env, ...more }, cwd: dir });

describe("check daily", () => {
  it("says what it saw, exits with 10 on a problem, and with 0 once that is mended", async () => {
    const well = await check(["daily"]);
    expect(well, well.stderr).toMatchObject({ code: 0 });
    expect(well.stdout).toMatch(
      /^daily checklist, \S+ \S+ UTC, by root@example\.com\n\nwarning {2}Check system health\n/,
    );
    expect(well.stdout).toContain("ok       Check for alerts\n         no alert is open\n");
    expect(well.stderr).toContain("tenantctl check sign-off ");

    const tenant = await server.provision();
    await server.asOwner(
      "insert into app.quota_overrides (tenant_id, resource, quota_limit, reason, set_by) values ($1, 'users', 1, 'test', '{}')",
      [tenant.id],
    );
    const broken = await check(["daily", "-o", "json"]);
    expect(broken.code).toBe(10);
    const { items } = JSON.parse(broken.stdout);
    expect(items.map((item: object) => Object.keys(item))).toEqual(
      Array.from({ length: 4 }, () => ["id", "title", "result", "evidence", "next"]),
    );
    expect(items[2]).toMatchObject({
      id: "quota_usage",
      result: "problem",
      next: `tenantctl quotas show ${tenant.slug}`,
    });
    await server.asOwner("delete from app.quota_overrides");
    expect((await check(["daily"])).code).toBe(0);
  });

  it("is refused to a tenant's login, and said to be unreachable where nothing answers", async () => {
    const { token } = await server.provision();
    expect((await check(["daily"], { TENANTCTL_TOKEN: token })).code).toBe(4);
    const gone = await check(["daily", "--report", "gone.html"], { TENANTCTL_API_URL: "http://127.0.0.1:9" });
    expect(gone.code).toBe(9);
    expect(readdirSync(dir)).not.toContain("gone.html");
  });

  it("is one of three; there is no yearly one", async () => {
    const { code, stderr } = await check(["yearly"]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/yearly/);
  });
});

describe("check weekly", () => {
  it("calls the guide's steps against this server, and says which no longer work", async () => {
    const well = await check(["weekly", "-o", "json"]);
    const documentation = (text: string) => JSON.parse(text).items[3];
    expect(documentation(well.stdout)).toMatchObject({
      result: "ok",
      evidence: [`${guideSteps.length} of ${guideSteps.length} steps of the guide work on this server`],
    });
    await server.asOwner("alter table app.customers rename to customers_away");
    const broken = await check(["weekly", "-o", "json"]);
    await server.asOwner("alter table app.customers_away rename to customers");
    expect(broken.code).toBe(10);
    expect(documentation(broken.stdout).evidence[1]).toMatch(
      /^failed: Test isolation: GET \/api\/customers\?tenantId=.*: 500/,
    );
  });

  it("asks only what the login may see, and says what it could not try", async () => {
    const { body } = await server.request("POST", "/api/admin/tokens", {
      token: await server.operatorToken(),
      body: { name: "cron", scopes: ["checks:read", "checks:write", "tenants:read"] },
    });
    const { stdout, code } = await check(["weekly", "-o", "json"], { TENANTCTL_TOKEN: body.token });
    expect([code, JSON.parse(stdout).by]).toEqual([0, "token cron"]);
    const { result, evidence } = JSON.parse(stdout).items[3];
    expect(result).toBe("needs_person");
    expect(evidence.join("\n")).toMatch(/not allowed for this login: View Tenant Quotas/);
  });

  it("has each call of the guide", () => {
    const blocks = bashBlocks(fileURLToPath(new URL("fixture/source-guide.md", import.meta.url)));
    const called = new Set(
      blocks
        .flatMap(({ text }) => [...text.matchAll(/localhost:5000(\/[^"\s\\]*)/g)].map(([, path = ""]) => path))
        .map((path) => path.replace(/[?].*/, "").replace(/<tenant_id>|<user_id>|\$tenant_id/g, ":id")),
    );
    const known = new Set(guideSteps.map(({ route }) => routes[route].path.replace(/:\w+/g, ":id")));
    expect(called.size).toBeGreaterThan(12);
    expect([...called].filter((path) => !known.has(path))).toEqual([]);
  });
});

describe("runs that are kept", () => {
  it("are listed, shown, and signed off, the newest unless one is named", async () => {
    await server.asOwner("delete from app.check_runs");
    expect((await check(["show"])).code).toBe(6);
    expect((await check(["sign-off"])).code).toBe(6);
    expect((await check(["history"])).stderr).toContain("no checklist was run yet");
    await check(["daily"]);
    await check(["monthly"]);
    const history = await check(["history"]);
    expect(history.stdout).toMatch(/RUN \(UTC\)[\s\S]*monthly[\s\S]*daily/);
    const signed = await check(["sign-off", "--note", "nothing to do"]);
    expect(signed.stderr).toMatch(/signed off: the monthly checklist of .* UTC/);
    expect((await check(["show"])).stdout).toContain("looked at by root@example.com");
    const [{ id }] = JSON.parse((await check(["history", "-o", "json"])).stdout);
    const again = await check(["sign-off", id]);
    expect([again.code, again.stderr]).toEqual([
      0,
      expect.stringMatching(/nothing to do: root@example\.com signed it off/),
    ]);
    expect((await check(["history", "--unsigned", "-o", "json"])).stdout).not.toContain(id);
    expect((await check(["sign-off", "monthly"])).code).toBe(2);
    expect((await check(["show", "01890000-0000-7000-8000-0000000000ff"])).code).toBe(6);
    expect((await check(["show", id, "-o", "csv"])).stdout).toMatch(/^id,title,result,evidence,next\n/);
  });

  it("stand in one row of the status screen", async () => {
    await check(["daily"]);
    const { stdout } = await runCli(["status"], { env, cwd: dir });
    expect(stdout).toMatch(/^checklists daily \S+, weekly \S+, monthly \S+$/m);
  });
});

describe("--report", () => {
  it("is refused before anything is run where it could not be written", async () => {
    await server.asOwner("delete from app.check_runs");
    mkdirSync(join(dir, "folder.html"));
    for (const [path, says] of [
      ["report.pdf", /ends in \.html or \.md/],
      ["report", /ends in \.html or \.md/],
      ["absent/report.html", /there is no folder/],
      ["folder.html", /is a folder/],
    ] as const) {
      const { code, stderr } = await check(["daily", "--report", path]);
      expect([path, code]).toEqual([path, 2]);
      expect(stderr).toMatch(says);
    }
    expect(await server.asOwner("select from app.check_runs")).toEqual([]);
  });

  it("is written whole, replaces the one before, and leaves nothing else", async () => {
    writeFileSync(join(dir, "daily.html"), "old");
    await server.asOwner("delete from app.error_groups");
    const { code, stderr } = await check(["daily", "--report", "daily.html"]);
    expect([code, stderr]).toEqual([0, expect.stringContaining("the report is in daily.html.")]);
    const page = readFileSync(join(dir, "daily.html"), "utf8");
    expect(page.startsWith("<!doctype html>")).toBe(true);
    expect(page.trimEnd().endsWith("</html>")).toBe(true);
    const monthly = await check(["monthly", "--report", "monthly.html", "-o", "json"]);
    expect(JSON.parse(monthly.stdout).figures.length).toBeGreaterThan(3);
    expect(readFileSync(join(dir, "monthly.html"), "utf8")).toContain("<svg");
    await check(["daily"]);
    const { stderr: shown } = await check(["show", "--report", "daily.md"]);
    expect(shown).toContain("the report is in daily.md.");
    expect(readFileSync(join(dir, "daily.md"), "utf8")).toMatch(/^# Daily checklist, [\d-]+\n\n- System: /);
    expect(readdirSync(dir).filter((name) => name.includes(".tmp"))).toEqual([]);
  });
});

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
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
  tenant = await server.provision({ slug: "acme-co" });
  dir = mkdtempSync(join(tmpdir(), "tenantctl-maintenance-"));
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
const asTenant = (...args: string[]): Promise<Exit> =>
  runCli(args, { env: { ...env, TENANTCTL_TOKEN: tenant.token }, cwd: dir });

describe("maintenance", () => {
  afterEach(async () => {
    await tenantctl("maintenance", "off");
    await tenantctl("maintenance", "off", "acme-co");
  });

  it("refuses tenants with exit 9 and the reason, lets operators work, and says how to end it", async () => {
    const on = await tenantctl("maintenance", "on", "--reason", "restoring from backup", "--for", "2h");
    expect(on.code, on.stderr).toBe(0);
    expect(on.stdout).toMatch(/what +the whole system/);
    expect(on.stderr).toContain("End it: tenantctl maintenance off");
    const refused = await asTenant("customers", "list");
    expect(refused.code).toBe(9);
    expect(refused.stderr).toContain("The system is in maintenance: restoring from backup.");
    expect(refused.stderr).toMatch(/It ends by \d{4}-\d\d-\d\d \d\d:\d\d UTC/);
    expect((await tenantctl("customers", "list", "acme-co")).code).toBe(0);
    const [standing] = JSON.parse((await tenantctl("maintenance", "status", "-o", "json")).stdout);
    expect(standing).toMatchObject({ slug: null, mode: "full", setBy: server.operator.email });

    const off = await tenantctl("maintenance", "off");
    expect(off.stderr).toContain("the maintenance of the system is over.");
    expect((await asTenant("customers", "list")).code).toBe(0);
    const again = await tenantctl("maintenance", "off");
    expect([again.code, again.stderr]).toEqual([0, expect.stringContaining("the system was not in maintenance")]);
    expect((await tenantctl("maintenance", "status")).stderr).toContain("nothing is in maintenance");
  });

  it("is one tenant's by its name or flag, and read-only where that is said", async () => {
    for (const place of [["acme-co"], ["--tenant", "acme-co"]]) {
      const on = await tenantctl("maintenance", "on", ...place, "--read-only");
      expect(on.code, on.stderr).toBe(0);
      expect(on.stderr).toContain("End it: tenantctl maintenance off acme-co");
    }
    expect((await asTenant("customers", "list")).code).toBe(0);
    const refused = await asTenant("customers", "create", "--name", "Somebody");
    expect([refused.code, refused.stderr]).toEqual([9, expect.stringContaining("takes no changes")]);
    const unknown = await tenantctl("maintenance", "on", "nobody-at-all");
    expect([unknown.code, unknown.stderr]).toEqual([6, expect.stringContaining("There is no such tenant")]);
    expect((await tenantctl("maintenance", "on", "--for", "soon")).code).toBe(2);
  });

  it("stands on the status screen, and needs a person while nothing ends it", async () => {
    const status = async () => JSON.parse((await tenantctl("status", "-o", "json")).stdout);
    await tenantctl("maintenance", "on", "acme-co", "--for", "2h");
    expect((await status()).maintenance).toEqual({ system: null, tenants: 1, tenantsWithoutEnd: 0 });
    expect((await status()).needsAttention).toEqual([]);
    await tenantctl("maintenance", "on", "--reason", "moving");
    const both = await status();
    expect(both.maintenance).toEqual({
      system: expect.objectContaining({ mode: "full", endsAt: null }),
      tenants: 1,
      tenantsWithoutEnd: 0,
    });
    expect(both.needsAttention).toEqual([
      expect.objectContaining({
        what: "all tenants are refused: the system is in maintenance (moving)",
        next: "tenantctl maintenance off",
        since: both.maintenance.system.startedAt,
      }),
    ]);
    const screen = await tenantctl("status");
    expect(screen.code).toBe(10);
    expect(screen.stdout).toMatch(/^paused +the whole system since/m);
  });

  it("asks on a terminal before the whole system, and fits 60 columns", async () => {
    const asked = startInPty(process.execPath, [bin, "maintenance", "on"], {
      env: { ...env, TERM: "xterm" },
      columns: 60,
    });
    await asked.waitFor(/whole system into maintenance\?/);
    asked.write("n\r");
    expect((await asked.exit).code).toBe(5);
    await tenantctl(
      "maintenance",
      "on",
      "acme-co",
      "--reason",
      "a reason that is longer than any narrow window has room",
    );
    const shown = startInPty(process.execPath, [bin, "maintenance", "status"], {
      env: { ...env, TERM: "xterm" },
      columns: 60,
    });
    const rows = plain((await shown.exit).stdout).split(/\r?\n/);
    expect(Math.max(...rows.filter((row) => !row.startsWith("(")).map((row) => row.length))).toBeLessThanOrEqual(60);
  });
});

describe("changelog", () => {
  it("prints the guide's own table, with what somebody typed kept inside its cell", async () => {
    const first = await tenantctl("changelog", "add", "Initial operator guide", "--date", "2025-12-01");
    expect(first.code, first.stderr).toBe(0);
    const table = (await tenantctl("changelog", "--until", "2026-01-01", "--markdown")).stdout;
    expect(table).toBe(
      [
        "| Date | Change | Operator |",
        "|------|--------|----------|",
        `| 2025-12-01 | Initial operator guide | ${server.operator.email} |`,
        "",
      ].join("\n"),
    );
    await tenantctl(
      "changelog",
      "add",
      "a | b [click](http://x.example) <b>",
      "--date",
      "2025-12-02",
      "--tenant",
      "acme-co",
    );
    const [, , row = ""] = (
      await tenantctl("changelog", "acme-co", "--until", "2026-01-01", "--markdown")
    ).stdout.split("\n");
    expect(row.split(/(?<!\\)\|/)).toHaveLength(5);
    expect(row).not.toMatch(/[^\\]\[click|<b>|http:\/\//);
  });

  it("lists what was done, in each format, and says so where nothing was", async () => {
    await tenantctl("suspend", "acme-co", "--reason", "unpaid", "--yes");
    await tenantctl("reactivate", "acme-co", "--yes");
    const list = await tenantctl("changelog", "acme-co", "--since", "1h");
    expect(list.stdout).toContain("Suspended tenant acme-co: unpaid");
    const [newest] = JSON.parse((await tenantctl("changelog", "--limit", "1", "-o", "json")).stdout);
    expect(newest).toMatchObject({
      change: "Reactivated tenant acme-co",
      operator: server.operator.email,
      slug: "acme-co",
    });
    expect((await tenantctl("changelog", "--until", "2020-01-01")).stderr).toContain("no change in this time");
    expect((await tenantctl("changelog", "--markdown", "-o", "json")).code).toBe(2);
    expect((await tenantctl("changelog", "add", "A slip", "--date", "2062-01-01")).code).toBe(2);
    expect((await tenantctl("changelog", "nobody-at-all")).code).toBe(6);
  });
});

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Exit, runCli } from "../../database/test/harness/process.ts";
import { type Provisioned, startTestServer, type TestServer } from "../../server/test/fixture/server.ts";

let server: TestServer;
let dir: string;
let env: NodeJS.ProcessEnv;
let tenant: Provisioned;
beforeAll(async () => {
  server = await startTestServer();
  dir = mkdtempSync(join(tmpdir(), "tenantctl-recount-"));
  env = {
    PATH: process.env.PATH,
    HOME: dir,
    TENANTCTL_CONFIG_DIR: dir,
    TENANTCTL_API_URL: server.url,
    TENANTCTL_TOKEN: await server.operatorToken(),
  };
  tenant = await server.provision();
  await server.provision();
});
afterAll(async () => {
  await server?.stop();
  rmSync(dir, { recursive: true, force: true });
});

const recount = (...args: string[]): Promise<Exit> => runCli(["quotas", "recount", ...args], { env, cwd: dir });
const spoil = () =>
  server.asOwner("update app.usage_counters set used = 40 where tenant_id = $1 and resource = 'customers'", [
    tenant.id,
  ]);

describe("quotas recount", () => {
  it("says that all is well, with nothing on stdout, and exits with 0", async () => {
    const well = await recount("--check");
    expect(well, well.stderr).toMatchObject({ code: 0 });
    expect(well.stderr).toContain("2 tenants counted: every counter says what is there");
  });

  it("looks and exits with 10 where a counter drifted, mends it and exits with 0, then finds nothing", async () => {
    await spoil();
    const looked = await recount("--check");
    expect(looked, looked.stderr).toMatchObject({ code: 10 });
    expect(looked.stdout).toMatch(new RegExp(`${tenant.slug} +customers +40 +0 +no`));
    expect(looked.stderr).toContain("to mend them: tenantctl quotas recount");
    const rehearsed = await recount(tenant.slug, "--dry-run", "-o", "json");
    expect(rehearsed, rehearsed.stderr).toMatchObject({ code: 0 });
    const rows = [
      { tenantId: tenant.id, slug: tenant.slug, resource: "customers", counter: 40, counted: 0, mended: false },
    ];
    expect(JSON.parse(rehearsed.stdout)).toEqual(rows);

    const mended = await recount("-o", "json");
    expect(mended, mended.stderr).toMatchObject({ code: 0 });
    expect(JSON.parse(mended.stdout)).toEqual(rows.map((row) => ({ ...row, mended: true })));
    expect(mended.stderr).toContain("1 counter of 1 tenant had drifted, and says now what is there.");
    expect(await recount("--check")).toMatchObject({ code: 0 });
    const changes = await runCli(["changelog", "-o", "json"], { env, cwd: dir });
    expect(changes.stdout).toContain(`Mended the counters of tenant`);
  });

  it("refuses what contradicts itself, and a tenant that is not there", async () => {
    expect(await recount("--check", "--dry-run")).toMatchObject({ code: 2 });
    expect(await recount("no-such-tenant")).toMatchObject({ code: 6 });
  });
});

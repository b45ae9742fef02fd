import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Exit, runCli, startCli, type TestProcess } from "../../database/test/harness/process.ts";
import { canaryIds } from "../../server/src/diagnose/isolation/canary-lease.ts";
import { holdLock, waitingForLocks } from "../../server/test/fixture/hold-row.ts";
import { startTestServer, type TestServer } from "../../server/test/fixture/server.ts";
import { until } from "../../server/test/fixture/until.ts";

let server: TestServer;
let dir: string;
let env: NodeJS.ProcessEnv;
const processes: TestProcess[] = [];
beforeAll(async () => {
  server = await startTestServer();
  dir = mkdtempSync(join(tmpdir(), "tenantctl-isolation-"));
  env = {
    PATH: process.env.PATH,
    HOME: dir,
    TENANTCTL_CONFIG_DIR: dir,
    TENANTCTL_API_URL: server.url,
    TENANTCTL_TOKEN: await server.operatorToken(),
  };
  await server.provision({ slug: "acme" });
  await server.provision({ slug: "globex" });
});
afterAll(async () => {
  for (const started of processes) {
    started.kill("SIGKILL");
    await started.exit;
  }
  await server?.stop();
  rmSync(dir, { recursive: true, force: true });
});

const diagnose = (...args: string[]): Promise<Exit> =>
  runCli(["diagnose", "isolation", ...args], { env, cwd: dir, input: "" });

const left = async (): Promise<number> => {
  const [row] = await server.asOwner<{ rows: number }>(
    "select (select count(*) from app.users where tenant_id = any ($1)) + (select count(*) from app.customers where tenant_id = any ($1)) as rows",
    [Object.values(canaryIds)],
  );
  return Number(row?.rows);
};

it("exits 0 where there is no way from one tenant to another, and says what was tried", async () => {
  const { code, stdout, stderr } = await diagnose();
  expect([code, stderr]).toEqual([0, expect.stringContaining("between two hidden tenants")]);
  expect(stdout).toMatch(/No finding, .*\d+ lints, \d+ statements on \d+ tables, \d+ calls of \d+ routes\./);
  expect(stdout).toContain("Routes, with another tenant's credentials");
  expect(await left()).toBe(0);
});

it("exits 10 on a finding, which names the table, what was seen, and the next step", async () => {
  await server.asOwner("alter table app.customers disable row level security");
  try {
    const { code, stdout } = await diagnose();
    expect(code).toBe(10);
    expect(stdout).toContain("Another tenant gets at app.customers");
    expect(stdout).toContain("select, other tenant: rows of other tenants are seen");
    expect(stdout).toMatch(/next: alter table app\.customers enable row level security/);
    const pair = await diagnose("--tenant", "acme", "--tenant", "globex", "-o", "json");
    expect([pair.code, JSON.parse(pair.stdout).result]).toEqual([10, "problem"]);
  } finally {
    await server.asOwner("alter table app.customers enable row level security");
  }
});

it("reads only, between two tenants that are named", async () => {
  const { code, stdout } = await diagnose("--tenant", "acme", "--tenant", "globex", "-o", "json");
  expect([code, JSON.parse(stdout).counts.calls]).toEqual([0, 0]);
  expect((await diagnose("--tenant", "acme")).code).toBe(2);
  expect((await diagnose("--tenant", "acme", "--tenant", "nobody")).code).toBe(6);
});

it("an API killed in the middle leaves canaries, which the next one removes when they are known to be left", async () => {
  const serve = (): TestProcess => {
    const started = startCli(["serve"], {
      env: {
        PATH: process.env.PATH,
        PORT: "0",
        DATABASE_URL: server.database.url,
        TENANTCTL_ROLE_PREFIX: server.database.prefix,
        TENANTCTL_JWT_SECRET: "a secret of the tests longer than 32 characters",
      },
    });
    processes.push(started);
    return started;
  };
  const first = serve();
  const [url] = await first.waitFor(/http:\/\/[\w.:]+/, 60_000);
  const { token } = (
    await server.request("POST", "/api/admin/tokens", {
      token: await server.operatorToken(),
      body: { name: "isolation", scopes: ["diagnose:run"] },
    })
  ).body;
  // The first canary has its people when its first customer can't be audited.
  const release = await holdLock(server.database, "lock table app.audit_log in exclusive mode", []);
  const asking = runCli(["diagnose", "isolation"], {
    env: { ...env, TENANTCTL_API_URL: url, TENANTCTL_TOKEN: token },
    cwd: dir,
    input: "",
  });
  const waits = async () => (await left()) > 0 && (await waitingForLocks(server.database)) > 0;
  await Promise.race([
    until("the canary's customer to wait", waits, 90),
    asking.then(({ code, stdout, stderr }) => Promise.reject(new Error(`it did not wait: ${code} ${stdout}${stderr}`))),
  ]);
  first.kill("SIGKILL");
  await first.exit;
  await release();
  expect((await asking).code).toBe(9);
  expect(await left()).toBeGreaterThan(0);
  const busy = await diagnose();
  expect([busy.code, busy.stderr]).toEqual([11, expect.stringContaining("diagnosed already")]);

  await server.asOwner("update app.tenants set updated_at = now() - interval '2 minutes' where id = $1", [canaryIds.a]);
  serve();
  await until("the canaries to be emptied", async () => (await left()) === 0, 90);
}, 300_000);

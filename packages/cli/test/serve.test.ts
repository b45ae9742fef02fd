import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, it } from "vitest";
import { describeOnEachCluster } from "../../database/test/harness/clusters.ts";
import { createDatabase, type TestDatabase, withClient } from "../../database/test/harness/database.ts";
import { runCli, startCli, startProcess, type TestProcess } from "../../database/test/harness/process.ts";

const cli = fileURLToPath(new URL("../bin/tenantctl.js", import.meta.url));
const jwtSecret = "a secret of the tests longer than 32 characters";

describeOnEachCluster("tenantctl on one's own PostgreSQL", (cluster) => {
  let dir: string;
  let database: TestDatabase;
  let env: NodeJS.ProcessEnv;
  const processes: TestProcess[] = [];

  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), "tenantctl-serve-"));
    database = await createDatabase({ cluster });
    // Secrets from files, as containers have them, and nothing else in the environment.
    writeFileSync(join(dir, "url"), `${database.url}\n`);
    writeFileSync(join(dir, "jwt"), `${jwtSecret}\n`);
    env = {
      HOME: dir,
      PORT: "0",
      DATABASE_URL_FILE: join(dir, "url"),
      TENANTCTL_JWT_SECRET_FILE: join(dir, "jwt"),
      TENANTCTL_ROLE_PREFIX: database.prefix,
    };
  });
  afterEach(async () => {
    for (const started of processes.splice(0)) {
      started.kill("SIGKILL");
      await started.exit;
    }
    await database.drop();
    rmSync(dir, { recursive: true, force: true });
  });

  const tenantctl = (args: string[], more: NodeJS.ProcessEnv = {}, input?: string) =>
    runCli(args, { cwd: dir, env: { ...env, ...more }, ...(input === undefined ? {} : { input }) });
  const serve = async (...args: string[]): Promise<{ started: TestProcess; url: string }> => {
    const started = startCli(["serve", ...args], { cwd: dir, env });
    processes.push(started);
    const [, url = ""] = await started.waitFor(/serving (http:\/\/\S+)/, 60_000);
    return { started, url };
  };

  it("migrates an empty database, serves it, and lets in an operator made by bootstrap", async () => {
    const early = await tenantctl(["serve"]);
    expect(early, early.stderr).toMatchObject({ code: 7, stdout: "" });
    expect(early.stderr).toMatch(/next: [^\n]*migrate/);

    const migrated = await tenantctl(["migrate", "-o", "json"]);
    expect(migrated, migrated.stderr).toMatchObject({ code: 0 });
    expect(JSON.parse(migrated.stdout).length).toBeGreaterThan(5);
    expect(JSON.parse((await tenantctl(["migrate", "-o", "json"])).stdout)).toEqual([]);

    const made = await tenantctl(
      ["bootstrap", "--email", "Ops@Example.com", "--password-stdin", "-o", "json"],
      {},
      "a password of ours\n",
    );
    expect(made, made.stderr).toMatchObject({ code: 0 });
    expect(JSON.parse(made.stdout)).toMatchObject({ email: "ops@example.com", created: true });
    const generated = await tenantctl(["bootstrap", "--email", "ops@example.com", "--generate", "-o", "json"]);
    const { password } = JSON.parse(generated.stdout);

    const { started, url } = await serve();
    const login = (words: string) =>
      fetch(`${url}/api/auth/login`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ email: "ops@example.com", password: words }),
      });
    expect((await login("a password of ours")).status).toBe(401);
    expect((await login(password)).status).toBe(200);
    started.kill("SIGTERM");
    expect(await started.exit).toMatchObject({ code: 0 });
  });

  it("start uses that database, and leaves a context", async () => {
    const started = startCli(["start"], { cwd: dir, env });
    processes.push(started);
    await started.waitFor(/running at/, 60_000);
    expect(await tenantctl(["status"], { TENANTCTL_CONFIG_DIR: join(dir, ".tenantctl/cli") })).toMatchObject({
      code: 0,
    });
    started.kill("SIGINT");
    expect(await started.exit).toMatchObject({ code: 0 });
  });

  it("names every missing secret before it listens", async () => {
    const exit = await tenantctl(["serve"], { TENANTCTL_JWT_SECRET_FILE: undefined });
    expect(exit.code).toBe(2);
    expect(exit.stderr).toContain("TENANTCTL_JWT_SECRET");
    expect(exit.stderr).not.toContain(database.url);
  });

  it("refuses to serve from a table without protection, and from a role that may too much", async () => {
    await tenantctl(["migrate"]);
    await withClient(database.url, (client) =>
      client.query("create table public.orders (tenant_id uuid not null, id uuid, primary key (tenant_id, id))"),
    );
    const unprotected = await tenantctl(["serve"]);
    expect(unprotected.code).toBe(7);
    expect(unprotected.stderr).toMatch(/public\.orders/);
    await withClient(database.url, (client) => client.query("select tenancy.protect('public.orders')"));
    const { started } = await serve();
    started.kill("SIGTERM");
    await started.exit;

    await withClient(database.url, (client) => client.query(`alter role ${database.prefix}_tenant createrole`));
    const strong = await tenantctl(["serve"]);
    expect(strong.code).toBe(7);
    expect(strong.stderr).toContain(`${database.prefix}_tenant`);
  });

  it("goes on serving when its log can no longer be written", async () => {
    await tenantctl(["migrate"]);
    const probe = createServer();
    await new Promise<void>((resolve) => probe.listen(0, "127.0.0.1", resolve));
    const address = probe.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    await new Promise((resolve) => probe.close(resolve));
    const started = startProcess(
      "/bin/sh",
      ["-c", `exec "${process.execPath}" "${cli}" serve > /dev/full 2> /dev/full`],
      {
        cwd: dir,
        env: { ...env, PORT: String(port) },
      },
    );
    processes.push(started);
    const health = () =>
      fetch(`http://127.0.0.1:${port}/api/health`).then(
        ({ status }) => status,
        () => 0,
      );
    await expect.poll(health, { timeout: 60_000 }).toBe(200);
    for (let n = 0; n < 50; n += 1) expect(await health()).toBe(200);
    started.kill("SIGTERM");
    expect(await started.exit).toMatchObject({ code: 0 });
  });

  it("says in one sentence that the database cannot be reached", async () => {
    const url = new URL(database.url);
    url.port = "1";
    const exit = await tenantctl(["serve"], { DATABASE_URL_FILE: undefined, DATABASE_URL: url.href });
    expect(exit.code).toBe(9);
    expect(exit.stderr).toMatch(/^error: [^\n]*reach[^\n]*\nnext: [^\n]+\n$/);
    expect(exit.stderr).not.toContain(url.password);
  });
});

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { generateKey } from "@tenantctl/archive";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { runCli } from "../../database/test/harness/process.ts";
import { startInPty } from "../../database/test/harness/pty.ts";
import { type Provisioned, startTestServer, type TestServer } from "../../server/test/fixture/server.ts";

const bin = fileURLToPath(new URL("../bin/tenantctl.js", import.meta.url));

let server: TestServer;
let operator: string;
let token: string;
const dataDir = mkdtempSync(join(tmpdir(), "tenantctl-data-"));
beforeAll(async () => {
  server = await startTestServer({ settings: { dataDir } });
  operator = await server.operatorToken();
  const body = { name: "restoring", scopes: ["all"], expiresInDays: 1 };
  token = (await server.request("POST", "/api/admin/tokens", { token: operator, body })).body.token;
});
afterAll(async () => {
  await server?.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "tenantctl-restore-"));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const environment = () => ({
  HOME: home,
  PATH: process.env.PATH,
  TENANTCTL_API_URL: server.url,
  TENANTCTL_TOKEN: token,
});
const run = (...args: string[]) => runCli(args, { cwd: home, env: environment() });
const well = async (...args: string[]) => {
  const exit = await run(...args);
  expect({ args, code: exit.code, stderr: exit.code === 0 ? "" : exit.stderr }).toEqual({ args, code: 0, stderr: "" });
  return exit;
};
const runIds = (): string[] =>
  readdirSync(join(home, "backups"))
    .filter((name) => !name.startsWith("."))
    .sort();

const addCustomer = async ({ token: own }: Provisioned, name: string): Promise<string> =>
  (
    await server.request("POST", "/api/customers", {
      token: own,
      body: { name, balanceMinor: 1234, notes: "a tab\t, a \\N and ä" },
    })
  ).body.id;
const customersOf = async (tenant: string): Promise<string[]> => {
  const reply = await server.request("GET", `/api/customers?tenantId=${tenant}&sort=name`, { token: operator });
  return reply.body.map(({ name }: { name: string }) => name).sort();
};
const detailsOf = (tenant: string) => server.request("GET", `/api/admin/tenants/${tenant}`, { token: operator });

/** All that other tenants have, as the owner of the tables sees it. */
const restOf = async (...own: string[]): Promise<Record<string, string>> => {
  const tables = await server.asOwner<{ name: string }>(
    "select table_name::text as name from tenancy.table_classes where class = 'protected'",
  );
  const digests: Record<string, string> = {};
  for (const { name } of tables) {
    const [row] = await server.asOwner<{ digest: string }>(
      `select md5(coalesce(string_agg(t::text, '|' order by t::text), '')) as digest from ${name} t
        where tenant_id <> all($1::uuid[]) and tenant_id <> '00000000-0000-7000-8000-000000000000'`,
      [own],
    );
    digests[name] = row?.digest ?? "";
  }
  return digests;
};

const furnished = async (): Promise<Provisioned> => {
  const tenant = await server.provision();
  for (const name of ["Ann", "Bob\\N", "Zoë"]) await addCustomer(tenant, name);
  return tenant;
};

describe("a tenant restored as a copy", () => {
  it("is equal, suspended, and its people log in with their passwords once it is reactivated", async () => {
    const neighbour = await furnished();
    const tenant = await furnished();
    await well("backup");
    const before = await restOf(tenant.id);
    const copy = `${tenant.slug}-copy`;
    const { stdout, stderr } = await well("restore", tenant.slug, "--as-new", copy);
    expect(stdout).toMatch(/^app\.customers +3 +yes +[0-9a-f]{64}$/m);
    expect(stderr).toMatch(/verified: .*\n(.*\n)*restored .*-copy: \d+ rows in \d+ tables, each table equal/);
    const { body } = await detailsOf(copy);
    expect(body).toMatchObject({ slug: copy, status: "suspended", users: 1, activeSessions: 0 });
    expect(await restOf(tenant.id, body.id)).toEqual(before);
    await well("reactivate", copy);
    await server.login({ ...tenant.admin, tenant: copy });
    expect(await customersOf(copy)).toEqual(await customersOf(tenant.slug));
    expect(await customersOf(neighbour.slug)).toHaveLength(3);
  });

  it("comes from an encrypted file with its key, and from no other", async () => {
    const tenant = await furnished();
    const key = await generateKey();
    writeFileSync(join(home, "key"), `${key.identity}\n`, { mode: 0o600 });
    await well("backup", "--tenant", tenant.slug, "--recipient", key.recipient);
    const file = join(home, "backups", runIds()[0] ?? "", `${tenant.slug}.tar.age`);
    const copy = `${tenant.slug}-copy`;
    expect((await run("restore", "--file", file, "--as-new", copy)).code).toBe(2);
    await well("restore", "--file", file, "--as-new", copy, "--identity-file", join(home, "key"));
    expect((await detailsOf(copy)).body.status).toBe("suspended");
    // What is saved before a restore in place is encrypted for the same people.
    await well("restore", tenant.slug, "--in-place", "--confirm", tenant.slug, "--identity-file", join(home, "key"));
    expect(readdirSync(join(home, "backups", runIds()[1] ?? ""))).toContain(`${tenant.slug}.tar.age`);
  });
});

describe("a tenant restored in place", () => {
  it("is what it was; what it had become is a backup, and can be had back", async () => {
    const neighbour = await furnished();
    const tenant = await furnished();
    await well("backup");
    const before = await restOf(tenant.id);
    await server.request("DELETE", `/api/customers/${await addCustomer(tenant, "Gone again")}`, {
      token: tenant.token,
    });
    await addCustomer(tenant, "Made since");
    const [bob] = await server.asOwner<{ id: string }>(
      "delete from app.customers where tenant_id = $1 and name = 'Zoë' returning id",
      [tenant.id],
    );
    expect(bob).toBeDefined();
    await server.asOwner("update app.customers set phone = '1' where tenant_id = $1 and name like 'Ann%'", [tenant.id]);

    const diff = await well("restore", tenant.slug, "--diff");
    expect(diff.stdout).toMatch(/^app\.customers +1 +1 +1 +1$/m);
    expect(await customersOf(tenant.slug)).toContain("Made since");

    await well("restore", tenant.slug, "--in-place", "--confirm", tenant.slug);
    expect(await customersOf(tenant.slug)).toEqual(["Ann", "Bob\\N", "Zoë"]);
    expect((await detailsOf(tenant.slug)).body).toMatchObject({ status: "active", activeSessions: 0 });
    const reply = await server.request("GET", "/api/customers", { token: tenant.token });
    expect(reply.status).toBe(401);
    expect(await restOf(tenant.id)).toEqual(before);
    expect(await customersOf(neighbour.slug)).toHaveLength(3);

    const [, saved = ""] = runIds();
    await well("restore", tenant.slug, "--run", saved, "--as-new", `${tenant.slug}-after`);
    expect(await customersOf(`${tenant.slug}-after`)).toEqual(["Ann", "Bob\\N", "Made since"]);
    expect((await detailsOf(tenant.slug)).body.backup.lastBackupAt).not.toBeNull();
  });

  it("asks for the slug on a terminal, and shows before what would change", async () => {
    const tenant = await furnished();
    await well("backup", "--tenant", tenant.slug);
    await addCustomer(tenant, "Made since");
    const terminal = startInPty(process.execPath, [bin, "restore", tenant.slug, "--in-place"], {
      env: { ...environment(), TERM: "xterm" },
      cwd: home,
      columns: 100,
      rows: 40,
    });
    await terminal.waitFor(/app\.customers +0 +1 +0 +3/);
    await terminal.waitFor(/Type .* to go on/);
    terminal.write("something-else\r");
    const { code } = await terminal.exit;
    expect(code).toBe(5);
    expect(await customersOf(tenant.slug)).toContain("Made since");
    expect(runIds()).toHaveLength(1);
  });
});

describe("a tenant that was deleted for good", () => {
  it("comes back under its old id, suspended", async () => {
    const tenant = await furnished();
    await well("backup", "--tenant", tenant.slug);
    const there = await run("restore", tenant.slug, "--original");
    expect([there.code, there.stderr]).toEqual([7, expect.stringContaining("--in-place")]);
    await well("delete", tenant.slug, "--hard", "--force", "--confirm", tenant.slug);
    expect((await detailsOf(tenant.slug)).status).toBe(404);
    const { stderr } = await well("restore", tenant.slug, "--original");
    expect(stderr).toContain(`tenantctl reactivate ${tenant.slug}`);
    expect((await detailsOf(tenant.slug)).body).toMatchObject({ id: tenant.id, status: "suspended" });
    expect(await customersOf(tenant.slug)).toHaveLength(3);
  });
});

describe("what is refused", () => {
  it("is refused before anything is written, with the table's exit code", async () => {
    const tenant = await furnished();
    await well("backup", "--tenant", tenant.slug);
    const rest = await restOf();
    const taken = await run("restore", tenant.slug, "--as-new", tenant.slug);
    expect([taken.code, taken.stderr]).toEqual([7, expect.stringContaining("already")]);
    const reserved = await run("restore", tenant.slug, "--as-new", "admin");
    expect(reserved.code).toBe(2);
    const system = join(home, "backups", runIds()[0] ?? "", "system.tar");
    expect((await run("restore", "--file", system, "--as-new", "from-system")).code).toBe(2);
    const narrow = await server.request("POST", "/api/admin/tokens", {
      token: operator,
      body: { name: "reader", scopes: ["backup:read"], expiresInDays: 1 },
    });
    const reader = await runCli(["restore", tenant.slug, "--as-new", "copy-of-it"], {
      cwd: home,
      env: { ...environment(), TENANTCTL_TOKEN: narrow.body.token },
    });
    expect(reader.code).toBe(4);
    expect(await restOf()).toEqual(rest);
  });

  it("--dry-run says so without doing it", async () => {
    const tenant = await furnished();
    await well("backup", "--tenant", tenant.slug);
    const { stderr } = await well("restore", tenant.slug, "--as-new", "only-asked", "--dry-run");
    expect(stderr).toContain("dry run: nothing was changed");
    expect((await detailsOf("only-asked")).status).toBe(404);
  });
});

describe("an export", () => {
  it("becomes a tenant again, whose people must set new passwords", async () => {
    const tenant = await furnished();
    await well("export", tenant.slug, "-f", "export.json");
    const copy = `${tenant.slug}-imported`;
    expect((await well("import", "export.json", "--slug", copy, "--dry-run")).stderr).toContain("nothing was changed");
    const { stderr } = await well("import", "export.json", "--slug", copy);
    expect(stderr).toContain("must set new passwords");
    await well("reactivate", copy);
    expect(await customersOf(copy)).toEqual(await customersOf(tenant.slug));
    const login = await server.request("POST", "/api/auth/login", { body: { ...tenant.admin, tenant: copy } });
    expect(login.status).toBe(401);
  });

  it("that was cut is refused here, and nothing is sent", async () => {
    const tenant = await furnished();
    await well("export", tenant.slug, "-f", "export.json");
    const whole = readFileSync(join(home, "export.json"));
    writeFileSync(join(home, "export.json"), whole.subarray(0, whole.length - 200));
    const { code, stderr } = await run("import", "export.json", "--slug", "half-of-it");
    expect(code).toBe(10);
    expect(stderr).toContain("not a whole export");
  });
});

import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { withClient } from "../../database/test/harness/database.ts";
import { startProcess } from "../../database/test/harness/process.ts";
import { type Provisioned, startTestServer, type TestServer } from "../../server/test/fixture/server.ts";
import { bashBlocks } from "./fixture/markdown-blocks.ts";

/** The guide that operators pasted their commands from before there was a tenantctl: it must work as it is written. */
const blocks = bashBlocks(fileURLToPath(new URL("./fixture/source-guide.md", import.meta.url)));

interface Run {
  readonly out: string;
  readonly dir: string;
  readonly tenant: Provisioned;
}

/** The JSON documents that a block's curls printed one after the other. */
const documents = (out: string): unknown[] =>
  out
    .trim()
    .split(/\n?(?<=[\]}])(?=[[{])/)
    .map((text): unknown => JSON.parse(text));

describe("the operators' first guide", () => {
  let server: TestServer;
  let operator: string;
  beforeAll(async () => {
    server = await startTestServer({ settings: { jobs: true } });
    const made = await server.request("POST", "/api/admin/tokens", {
      token: await server.operatorToken(),
      body: { name: "the guide", scopes: ["all"] },
    });
    operator = made.body.token;
  });
  const folders: string[] = [];
  afterAll(async () => {
    for (const folder of folders) rmSync(folder, { recursive: true, force: true });
    await server.stop();
  });

  /** Runs one block with its placeholders filled in, in a folder of its own, on a tenant of its own. */
  const run = async (heading: string, index = 0, more: Record<string, string> = {}): Promise<Run> => {
    const block = blocks.filter((candidate) => candidate.heading === heading)[index];
    if (block === undefined) throw new Error(`no block ${index} under ${heading}`);
    const tenant = await server.provision();
    const users = await server.request("GET", "/api/tenants/users", { token: tenant.token });
    const values: Record<string, string> = {
      "<super_admin_token>": operator,
      "<token>": operator,
      "<tenant_admin_token>": tenant.token,
      "<tenant_id>": tenant.id,
      "<user_id>": users.body[0].id,
      "http://localhost:5000": server.url,
      ...more,
    };
    const text = Object.entries(values).reduce((filled, [name, value]) => filled.replaceAll(name, value), block.text);
    expect(text).not.toMatch(/<[a-z_]+>/);
    const dir = mkdtempSync(join(tmpdir(), "source-guide-"));
    folders.push(dir);
    const { code, stdout, stderr } = await startProcess("bash", ["-c", text], { cwd: dir }).exit;
    expect({ code, stderr: code === 0 ? "" : stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).not.toContain("urn:tenantctl:error");
    return { out: stdout, dir, tenant };
  };
  const one = (result: Run): Record<string, unknown> => documents(result.out)[0] as Record<string, unknown>;
  const rows = (result: Run, index = 0): Record<string, unknown>[] =>
    documents(result.out)[index] as Record<string, unknown>[];

  it("lists all tenants", async () => {
    const result = await run("Tenant Operations / List All Tenants");
    expect(rows(result).map(({ id }) => id)).toContain(result.tenant.id);
  });

  it("gets a tenant's details", async () => {
    const result = await run("Tenant Operations / Get Tenant Details");
    expect(one(result)).toMatchObject({ id: result.tenant.id, status: "active", users: 1 });
  });

  it("creates a tenant whose administrator can log in", async () => {
    const created = one(await run("Tenant Operations / Create New Tenant"));
    expect(created).toMatchObject({ name: "Company Name", slug: "company-name", status: "active", plan: "basic" });
    await server.login({ email: "admin@company.com", password: "secure_password", tenant: "company-name" });
  });

  it("suspends, reactivates and cancels", async () => {
    const { out } = await run("Tenant Operations / Change Tenant Status");
    expect(documents(out)).toMatchObject([{ status: "suspended" }, { status: "active" }, { status: "cancelled" }]);
  });

  it("exports a tenant's data into a file", async () => {
    const { dir, tenant } = await run("Tenant Operations / Export Tenant Data");
    const document = JSON.parse(readFileSync(join(dir, "tenant-export.json"), "utf8"));
    expect(document).toMatchObject({
      tenant: { id: tenant.id },
      counts: { users: 1 },
      tables: { users: [{ email: tenant.admin.email }] },
    });
    expect(JSON.stringify(document)).not.toContain("argon2");
  });

  it("deletes softly, then for good", async () => {
    const { out, tenant } = await run("Tenant Operations / Delete Tenant");
    expect(documents(out)).toMatchObject([
      { id: tenant.id, status: "deleted", hard: false },
      { id: tenant.id, status: "purged", hard: true, rows: { users: 1 } },
    ]);
    const gone = await server.request("GET", `/api/admin/tenants/${tenant.id}`, { token: operator });
    expect(gone.status).toBe(404);
  });

  it("lists, creates and resets users", async () => {
    const listed = await run("User Management / List Tenant Users");
    expect(rows(listed)).toMatchObject([{ email: listed.tenant.admin.email, role: "tenant_admin" }]);
    const created = await run("User Management / Create User");
    expect(one(created)).toMatchObject({ name: "User Name", email: "user@company.com", role: "support_agent" });
    await server.login({ email: "user@company.com", password: "password123", tenant: created.tenant.slug });
    const reset = await run("User Management / Reset User Password");
    expect(one(reset)).toMatchObject({ secret: null });
    await server.login({ ...reset.tenant.admin, password: "new_password" });
  });

  it("checks health, quotas, alerts and metrics", async () => {
    expect(one(await run("Monitoring / Check System Health"))).toMatchObject({ status: "ok" });
    const quotas = rows(await run("Monitoring / View Tenant Quotas"));
    expect(quotas.map(({ resource }) => resource)).toEqual([
      "users",
      "customers",
      "storage_bytes",
      "api_requests_per_day",
    ]);
    expect(rows(await run("Monitoring / View All Alerts"))).toEqual(expect.any(Array));
    const metrics = await run("Monitoring / View Tenant Metrics");
    expect(one(metrics)).toMatchObject({ tenantId: metrics.tenant.id, totals: { requests: expect.any(Number) } });
  });

  it("shows audit logs: all, a tenant's, filtered", async () => {
    const result = await run("Monitoring / View Audit Logs");
    const [all, tenants, filtered] = documents(result.out) as Record<string, unknown>[][];
    expect(all?.length).toBeGreaterThan(tenants?.length ?? 0);
    expect(tenants?.every(({ tenantId }) => tenantId === result.tenant.id)).toBe(true);
    expect(tenants?.map(({ action }) => action)).toContain("login");
    expect(filtered).toEqual([]);
  });

  it("finds out why a tenant cannot log in", async () => {
    const heading = "Troubleshooting / Tenant Cannot Login";
    expect(one(await run(heading, 0))).toMatchObject({ status: "active" });
    const users = await run(heading, 1);
    expect(rows(users)).toMatchObject([{ email: users.tenant.admin.email }]);
    const logins = rows(await run(heading, 2));
    expect(logins.length).toBeGreaterThan(0);
    expect(logins.every(({ action }) => action === "login")).toBe(true);
  });

  it("tests isolation: each tenant sees its own customers", async () => {
    const [a, b] = [await server.provision(), await server.provision()];
    await server.request("POST", "/api/customers", { token: a.token, body: { name: "Only of A" } });
    await server.request("POST", "/api/customers", { token: b.token, body: { name: "Only of B" } });
    const result = await run("Troubleshooting / Data Isolation Issue", 0, {
      "<tenant_a_token>": a.token,
      "<tenant_b_token>": b.token,
    });
    expect(rows(result, 0)).toMatchObject([{ name: "Only of A" }]);
    expect(rows(result, 1)).toMatchObject([{ name: "Only of B" }]);
  });

  it("shows what is used where a quota is exceeded", async () => {
    expect(rows(await run("Troubleshooting / Quota Exceeded"))).toMatchObject([
      { resource: "users", used: 1 },
      {},
      {},
      {},
    ]);
  });

  it("backs up and names all of 1,000 tenants with the guide's scripts", async () => {
    await withClient(server.database.url, async (client) => {
      await client.query(`set role ${server.database.prefix}_owner`);
      await client.query(`insert into app.tenants (id, slug, name, plan, contact_email)
        select gen_random_uuid(), 'bulk-' || n, 'Bulk ' || n, 'basic', 'bulk@example.com' from generate_series(1, 1000) n`);
    });
    const backup = await run("Useful Scripts / Backup All Tenants");
    const [day = ""] = readdirSync(join(backup.dir, "backups"));
    const files = readdirSync(join(backup.dir, "backups", day));
    const listed = await server.request<{ id: string }[]>("GET", "/api/admin/tenants", { token: operator });
    expect(files.sort()).toEqual(listed.body.map(({ id }) => `tenant-${id}.json`).sort());
    for (const file of files) {
      const { tenant } = JSON.parse(readFileSync(join(backup.dir, "backups", day, file), "utf8"));
      expect(file).toBe(`tenant-${tenant.id}.json`);
    }
    const statuses = await run("Useful Scripts / Check All Tenant Statuses");
    const lines = statuses.out.trim().split("\n");
    expect(lines).toContain("Bulk 1000 - active - basic");
    expect(lines.length).toBe(listed.body.length + 1);
  }, 300_000);

  it("leaves no block of the guide unread", () => {
    const ran = new Set([
      "Tenant Operations / List All Tenants",
      "Tenant Operations / Get Tenant Details",
      "Tenant Operations / Create New Tenant",
      "Tenant Operations / Change Tenant Status",
      "Tenant Operations / Export Tenant Data",
      "Tenant Operations / Delete Tenant",
      "User Management / List Tenant Users",
      "User Management / Create User",
      "User Management / Reset User Password",
      "Monitoring / Check System Health",
      "Monitoring / View Tenant Quotas",
      "Monitoring / View All Alerts",
      "Monitoring / View Tenant Metrics",
      "Monitoring / View Audit Logs",
      "Troubleshooting / Tenant Cannot Login",
      "Troubleshooting / Data Isolation Issue",
      "Troubleshooting / Quota Exceeded",
      "Useful Scripts / Backup All Tenants",
      "Useful Scripts / Check All Tenant Statuses",
    ]);
    expect(blocks.map(({ heading }) => heading).filter((heading) => !ran.has(heading))).toEqual([]);
  });
});

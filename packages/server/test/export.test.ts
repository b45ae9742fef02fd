import { get as httpGet, type IncomingMessage } from "node:http";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { withClient } from "../../database/test/harness/database.ts";
import { asOwner } from "./fixture/as-owner.ts";
import { checkAnswer } from "./fixture/contract-answer.ts";
import { type Provisioned, startTestServer, type TestServer } from "./fixture/server.ts";

let server: TestServer;
let operator: string;

beforeAll(async () => {
  server = await startTestServer();
  operator = await server.operatorToken();
});
afterAll(() => server?.stop());

const exportOf = (tenant: Provisioned, token = operator) =>
  server.request("GET", `/api/tenants/export?tenantId=${tenant.id}`, { token });

const customers = (tenant: Provisioned, count: number) =>
  asOwner(server.database, (client) =>
    client.query(
      `insert into app.customers (tenant_id, id, name, notes) select $1, gen_random_uuid(), 'c' || n, repeat('x', 500) from generate_series(1, $2) n`,
      [tenant.id, count],
    ),
  );

/** Does something with each session that reads a snapshot of this database now; answers how many there are. */
const snapshots = (what = "pid"): Promise<number> =>
  withClient(server.database.cluster.adminUrl, async (client) => {
    const { rows } = await client.query(
      `select ${what} from pg_stat_activity
       where datname = $1 and application_name like '%tenantStream' and state <> 'idle'`,
      [server.database.name],
    );
    return rows.length;
  });

/** An export whose first bytes are there and whose rest nobody reads yet. */
const openExport = (tenant: Provisioned): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    const url = new URL(`/api/tenants/export?tenantId=${tenant.id}`, server.url);
    httpGet(url, { headers: { authorization: `Bearer ${operator}` }, agent: false }, resolve).on("error", reject);
  });

const readAll = async (response: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
};

describe("the document", () => {
  test("holds every exported table of the tenant, as the contract says, and nothing of others", async () => {
    const tenant = await server.provision();
    const other = await server.provision();
    for (const { token } of [tenant, other]) {
      await server.request("POST", "/api/customers", { token, body: { name: "O'Brien; --", balanceMinor: 1999 } });
    }
    const reply = await exportOf(tenant);
    expect(reply.status).toBe(200);
    expect(reply.headers.get("content-disposition")).toBe(`attachment; filename="${tenant.slug}.json"`);
    checkAnswer("tenants.export", 200, reply.body);
    const { format, tenant: about, tables, counts, exactText } = reply.body;
    expect(format).toBe("tenantctl-export/1");
    expect(about).toMatchObject({ id: tenant.id, slug: tenant.slug, status: "active" });
    expect(tables.customers).toEqual([expect.objectContaining({ name: "O'Brien; --", balance_minor: "1999" })]);
    expect(exactText.customers).toContain("balance_minor");
    expect(tables.users).toHaveLength(1);
    expect(Object.keys(tables)).toEqual(
      expect.arrayContaining(["users", "customers", "usage_counters", "quota_overrides", "audit_details"]),
    );
    expect(counts).toEqual(
      Object.fromEntries(Object.entries(tables).map(([name, rows]) => [name, (rows as unknown[]).length])),
    );
    expect(reply.text).not.toContain(other.id);
    for (const absent of ["password_hash", "argon2", "tenant_id", "sessions", "api_tokens", "password_resets"]) {
      expect(reply.text).not.toContain(absent);
    }
  });
});

describe("who may", () => {
  test("a tenant_admin their own, by its id or without; nobody another's", async () => {
    const tenant = await server.provision();
    const other = await server.provision();
    const own = await server.request("GET", "/api/tenants/export", { token: tenant.token });
    expect(own.body.tenant.id).toBe(tenant.id);
    expect((await exportOf(tenant, tenant.token)).status).toBe(200);
    const foreign = await exportOf(other, tenant.token);
    expect([foreign.status, foreign.body.code]).toEqual([404, "tenant_not_found"]);
    const { body: rows } = await server.request("GET", "/api/audit-logs?outcome=success&action=export", {
      token: tenant.token,
    });
    expect(rows).toHaveLength(2);
    expect(rows[0]).toMatchObject({
      resourceType: "tenant",
      resourceId: tenant.id,
      actor: { name: tenant.admin.email },
    });
  });

  test.each(["suspend", "cancel", "delete"])("after %s operators still may, its admins no longer", async (step) => {
    const tenant = await server.provision();
    await server.request("POST", "/api/customers", { token: tenant.token, body: { name: "Kept" } });
    const moved = await server.request("POST", `/api/admin/tenants/${tenant.id}/${step}`, { token: operator });
    expect(moved.status).toBe(200);
    const reply = await exportOf(tenant);
    expect(reply.status).toBe(200);
    checkAnswer("tenants.export", 200, reply.body);
    expect(reply.body.counts.customers).toBe(1);
    expect([401, 403]).toContain((await exportOf(tenant, tenant.token)).status);
    const { body: rows } = await server.request(
      "GET",
      `/api/audit-logs?tenantId=${tenant.id}&outcome=success&action=export`,
      {
        token: operator,
      },
    );
    expect(rows).toHaveLength(1);
    expect(rows[0].actor).toMatchObject({ type: "operator", name: server.operator.email });
  });

  test("a token for backups, as in the guide's script", async () => {
    const tenant = await server.provision();
    const made = await server.request("POST", "/api/admin/tokens", {
      token: operator,
      body: { name: "nightly", scopes: ["backup:read"] },
    });
    expect(made.status).toBe(201);
    const reply = await exportOf(tenant, made.body.token);
    expect(reply.status).toBe(200);
    const { body: rows } = await server.request(
      "GET",
      `/api/audit-logs?tenantId=${tenant.id}&outcome=success&action=export`,
      {
        token: operator,
      },
    );
    expect(rows[0].actor).toMatchObject({ type: "token", name: "nightly" });
  });
});

describe("the transfer", () => {
  test("shows one moment: what is written while it runs is not in it", async () => {
    const tenant = await server.provision();
    await customers(tenant, 20_000);
    const response = await openExport(tenant);
    const late = await server.request("POST", "/api/customers", { token: tenant.token, body: { name: "Late" } });
    expect(late.status).toBe(201);
    const text = await readAll(response);
    expect(JSON.parse(text).counts.customers).toBe(20_000);
    expect(text).not.toContain("Late");
  });

  test("breaks visibly when the database goes away midway", async () => {
    const tenant = await server.provision();
    await customers(tenant, 50_000);
    const response = await openExport(tenant);
    expect(response.statusCode).toBe(200);
    expect(await snapshots("pg_terminate_backend(pid)")).toBe(1);
    await expect(readAll(response)).rejects.toThrow();
    expect(response.complete).toBe(false);
    expect((await exportOf(tenant)).body.counts.customers).toBe(50_000);
  });

  test("ends its snapshot when the client goes away", async () => {
    const tenant = await server.provision();
    await customers(tenant, 50_000);
    const response = await openExport(tenant);
    await vi.waitUntil(async () => (await snapshots()) === 1, { timeout: 20_000 });
    response.destroy();
    await vi.waitUntil(async () => (await snapshots()) === 0, { timeout: 20_000 });
  });
});

import { afterAll, beforeAll, expect, it } from "vitest";
import { withClient } from "../../database/test/harness/database.ts";
import { makeApiToken } from "../src/auth/api-token.ts";
import { type Provisioned, startTestServer, type TestServer } from "./fixture/server.ts";
import { until } from "./fixture/until.ts";

const systemTenant = "00000000-0000-7000-8000-000000000000";

let server: TestServer;
let tenant: Provisioned;
beforeAll(async () => {
  server = await startTestServer();
  tenant = await server.provision();
});
afterAll(() => server.stop());

interface Row {
  action: string;
  outcome: string;
  actor_type: string;
  actor_name: string | null;
  occurrences: number;
  detail: string;
}

const rows = async (tenantId: string, detail: string): Promise<Row[]> => {
  await server.app.refusals.flush();
  const result = await withClient(server.database.url, (client) =>
    client.query("select * from app.audit_log where tenant_id = $1 and detail like $2 order by at, id", [
      tenantId,
      `${detail}%`,
    ]),
  );
  return result.rows;
};
const occurrences = (found: readonly Row[]): number => found.reduce((sum, row) => sum + row.occurrences, 0);

it("audits a refusal in its caller's tenant, repetitions folded", async () => {
  for (let time = 0; time < 30; time += 1) {
    const { status } = await server.request("GET", "/api/admin/tenants", { token: tenant.token });
    expect(status).toBe(403);
  }
  const found = await rows(tenant.id, "forbidden: GET /api/admin/tenants");
  expect(occurrences(found)).toBe(30);
  expect(found.length).toBeLessThanOrEqual(4);
  expect(found[0]).toMatchObject({ outcome: "denied", actor_type: "user", actor_name: tenant.admin.email });
});

it("writes the first refusal at once, without waiting for the minute to end", async () => {
  await server.request("GET", "/api/admin/plans", { token: tenant.token });
  await until("the row", async () => {
    const { body } = await server.request("GET", "/api/audit-logs?outcome=denied&resourceType=plan", {
      token: tenant.token,
    });
    return body.length > 0;
  });
});

it("audits the attempt to reach another tenant in one's own", async () => {
  const other = await server.provision();
  const { status } = await server.request("GET", `/api/customers?tenantId=${other.id}`, { token: tenant.token });
  expect(status).toBe(404);
  expect(await rows(tenant.id, "tenant_not_found: GET /api/customers")).toHaveLength(1);
  expect(await rows(other.id, "tenant_not_found")).toEqual([]);
});

it("believes no tenant and no name of a token that is made up", async () => {
  const { token } = makeApiToken(tenant.id);
  for (const path of ["/api/customers", "/api/admin/operators", "/api/auth/me"]) {
    const { status } = await server.request("GET", path, { token });
    expect([401, 403]).toContain(status);
  }
  for (const code of ["token_invalid: GET /api/customers", "forbidden: GET /api/admin/operators"]) {
    expect(await rows(tenant.id, code)).toEqual([]);
    expect(occurrences((await rows(systemTenant, code)).filter((row) => row.actor_type === "anonymous"))).toBe(1);
  }
});

it("audits a failed login once, in the tenant it was tried on", async () => {
  const body = { email: "nobody@example.com", password: "wrong_password", tenant: tenant.slug };
  expect((await server.request("POST", "/api/auth/login", { body })).status).toBe(401);
  await server.app.refusals.flush();
  const { body: found } = await server.request("GET", "/api/audit-logs?action=login&outcome=failure", {
    token: tenant.token,
  });
  expect(found).toHaveLength(1);
  expect(found[0]).toMatchObject({ actor: { type: "anonymous", name: "nobody@example.com" }, occurrences: 1 });
  expect(await rows(systemTenant, "invalid_credentials: POST /api/auth/login")).toEqual([]);
});

it("bounds the rows that one address can cause, and still counts all", async () => {
  const before = await rows(systemTenant, "");
  for (let time = 0; time < 120; time += 1) {
    const { token } = makeApiToken(tenant.id);
    await server.request("GET", "/api/admin/metrics", { token });
  }
  const added = (await rows(systemTenant, "")).slice(before.length);
  // The minute may have ended meanwhile: then there are the rows of two.
  expect(added.length).toBeLessThanOrEqual(2 * 52);
  expect(occurrences(added)).toBe(120);
});

it("answers at once while the log can't be written, and writes it later", async () => {
  const token = tenant.token;
  await withClient(server.database.url, async (client) => {
    await client.query("begin");
    await client.query("lock table app.audit_log in access exclusive mode");
    const { status } = await server.request("GET", "/api/admin/alerts", { token });
    expect(status).toBe(403);
    await client.query("rollback");
  });
  await until("the row", async () => (await rows(tenant.id, "forbidden: GET /api/admin/alerts")).length > 0);
});

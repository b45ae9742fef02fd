import { afterAll, beforeAll, expect, it } from "vitest";
import { makeApiToken } from "../src/auth/api-token.ts";
import { ownerRow } from "./fixture/as-owner.ts";
import { type Provisioned, startTestServer, type TestServer } from "./fixture/server.ts";
import { until } from "./fixture/until.ts";

let server: TestServer;
let operator: string;
beforeAll(async () => {
  server = await startTestServer({ settings: { unprovenRequestsPerMinute: 40 } });
  operator = await server.operatorToken();
});
afterAll(() => server.stop());

const list = (token: string, on = server) => on.request("GET", "/api/customers", { token });

const planOf = async (name: string, limits: object): Promise<void> => {
  const { status } = await server.request("PUT", `/api/admin/plans/${name}`, { token: operator, body: limits });
  expect([200, 201]).toContain(status);
};

/** Sends one request, so that the process learns the plan's limits, and waits until it has. */
const learn = async (tenant: Provisioned, on = server): Promise<void> => {
  await list(tenant.token, on);
  await on.app.limits.flush();
};

const secondUser = async (tenant: Provisioned): Promise<string> => {
  const email = `second@${tenant.slug}.example`;
  const body = { name: "Second", email, role: "support_agent", password: "secure_password" };
  const { status, text } = await server.request("POST", "/api/tenants/users", { token: tenant.token, body });
  expect(status, text).toBe(201);
  return (await server.login({ email, password: body.password, tenant: tenant.slug })).accessToken;
};

it("gives one user half of the tenant's requests a minute, and the tenant no more than its plan says", async () => {
  await planOf("slow", { requestsPerMinute: 20 });
  const tenant = await server.provision({ plan: "slow" });
  const neighbour = await server.provision({ plan: "slow" });
  const second = await secondUser(tenant);
  await learn(tenant);

  const ofFirst = await Promise.all(Array.from({ length: 30 }, () => list(tenant.token)));
  const refused = ofFirst.find(({ status }) => status === 429);
  expect(ofFirst.filter(({ status }) => status === 200).length).toBeLessThanOrEqual(10);
  expect(refused?.body).toMatchObject({ code: "rate_limited", hint: expect.stringContaining("Retry-After") });
  expect(Number(refused?.headers.get("retry-after"))).toBeGreaterThan(0);
  expect(refused?.headers.get("ratelimit-limit")).toBe("10");
  expect(refused?.headers.get("ratelimit-remaining")).toBe("0");

  const ofSecond = await Promise.all(Array.from({ length: 30 }, () => list(second)));
  const served = [...ofFirst, ...ofSecond].filter(({ status }) => status === 200).length;
  expect(served).toBeLessThanOrEqual(20);

  expect((await list(neighbour.token)).status).toBe(200);
  const asOperator = await server.request("GET", `/api/customers?tenantId=${tenant.id}`, { token: operator });
  expect(asOperator.status).toBe(200);
});

it("never limits complete lists and exports", async () => {
  await planOf("slowest", { requestsPerMinute: 2 });
  const tenant = await server.provision({ plan: "slowest" });
  await learn(tenant);
  for (let time = 0; time < 8; time += 1) {
    expect((await server.request("GET", "/api/tenants/export", { token: tenant.token })).status).toBe(200);
  }
});

it("counts the day's API requests of all processes, refuses beyond the quota, and lets go when it is raised", async () => {
  await planOf("daily", { apiRequestsPerDay: 15, requestsPerMinute: 100_000 });
  const tenant = await server.provision({ plan: "daily" });
  const other = await startTestServer({ database: { ...server.database, drop: async () => {} } });
  try {
    await learn(tenant);
    await learn(tenant, other);
    await learn(tenant);
    let served = 0;
    for (let time = 0; time < 60; time += 1) {
      const on = time % 2 === 0 ? server : other;
      const { status, body, headers } = await list(tenant.token, on);
      if (status === 200) served += 1;
      else {
        expect([status, body.code]).toEqual([429, "daily_quota_exceeded"]);
        expect(Number(headers.get("retry-after"))).toBeGreaterThan(0);
      }
      if (time % 10 === 9) await Promise.all([server.app.limits.flush(), other.app.limits.flush()]);
    }
    await Promise.all([server.app.limits.flush(), other.app.limits.flush()]);
    const { total } = await ownerRow<{ total: number }>(
      server.database,
      "select api_requests::int as total from app.usage_days where tenant_id = $1",
      [tenant.id],
    );
    expect(total).toBe(served + 3);
    expect(total).toBeGreaterThanOrEqual(15);
    // Beyond the quota comes at most what went through before the processes heard of each other: ten requests here.
    expect(total).toBeLessThan(15 + 10);

    const raised = { resource: "api_requests_per_day", limit: 1000, reason: "campaign" };
    await server.request("PUT", `/api/admin/tenants/${tenant.id}/quotas`, { token: operator, body: raised });
    await until("the raised quota", async () => (await list(tenant.token)).status === 200);
  } finally {
    await other.stop();
  }
});

it("does not count as a tenant's what a made-up token or an ended session sends", async () => {
  const tenant = await server.provision({ plan: "daily" });
  const ended = await server.login(tenant.admin);
  await server.request("POST", "/api/auth/logout", { token: ended.accessToken });
  for (let time = 0; time < 5; time += 1) {
    expect((await list(makeApiToken(tenant.id).token)).status).toBe(401);
    expect((await list(ended.accessToken)).status).toBe(401);
  }
  await list(tenant.token);
  await server.app.limits.flush();
  const { total } = await ownerRow<{ total: number }>(
    server.database,
    "select coalesce(sum(api_requests), 0)::int as total from app.usage_days where tenant_id = $1",
    [tenant.id],
  );
  // The logout, and the one that was served.
  expect(total).toBe(2);
});

it("limits logins and unproven tokens per address, but not what has proven itself", async () => {
  const tenant = await server.provision({ plan: "enterprise" });
  const body = { name: "cron", scopes: ["customers:read"] };
  const created = await server.request("POST", "/api/tenants/tokens", { token: tenant.token, body });
  const proven: string = created.body.token;
  expect((await list(proven)).status).toBe(200);

  const refused = await until("the address's limit", async () => {
    const reply = await list(makeApiToken(tenant.id).token);
    return reply.status === 429 && reply;
  });
  expect(refused.body.code).toBe("rate_limited");
  const login = await server.request("POST", "/api/auth/login", { body: tenant.admin });
  expect(login.status).toBe(429);
  expect((await list(proven)).status).toBe(200);
  expect((await list(tenant.token)).status).toBe(200);
});

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { evaluateAlerts } from "../src/alerts/evaluate.ts";
import { asOwner, ownerRow } from "./fixture/as-owner.ts";
import { type Provisioned, type Reply, startTestServer, type TestServer } from "./fixture/server.ts";

let server: TestServer;
let operator: string;
beforeAll(async () => {
  server = await startTestServer();
  operator = await server.operatorToken();
});
afterAll(() => server.stop());

interface Alert {
  id: string;
  rule: string;
  severity: string;
  status: string;
  tenantSlug: string | null;
  summary: string;
  evidence: Record<string, unknown>;
  next: string;
  lastSeenAt: string;
  acknowledgedBy: string | null;
  note: string | null;
}

const alerts = async (query: string): Promise<Alert[]> => {
  const { status, body, text } = await server.request("GET", `/api/admin/alerts?${query}`, { token: operator });
  expect(status, text).toBe(200);
  return body;
};
const evaluate = (): Promise<void> => evaluateAlerts(server.app.db);
const act = (id: string, step: string, body: object = {}) =>
  server.request("POST", `/api/admin/alerts/${id}/${step}`, { token: operator, body });
const addCustomers = async (tenant: Provisioned, count: number): Promise<void> => {
  for (let at = 0; at < count; at += 1) {
    const { status } = await server.request("POST", "/api/customers", {
      token: tenant.token,
      body: { name: `C${at}` },
    });
    expect(status).toBe(201);
  }
};
const limitCustomers = async (tenant: Provisioned, limit: number): Promise<void> => {
  const body = { resource: "customers", limit, reason: "test" };
  const { status } = await server.request("PUT", `/api/admin/tenants/${tenant.id}/quotas`, { token: operator, body });
  expect(status).toBe(200);
};

describe("quota alerts", () => {
  it("open at 80 %, become another at 100 %, and resolve by themselves", async () => {
    const tenant = await server.provision();
    await limitCustomers(tenant, 10);
    await addCustomers(tenant, 7);
    await evaluate();
    expect(await alerts(`tenantId=${tenant.slug}`)).toEqual([]);

    await addCustomers(tenant, 1);
    await evaluate();
    const [near, ...rest] = await alerts(`tenantId=${tenant.slug}`);
    expect(rest).toEqual([]);
    expect(near).toMatchObject({
      rule: "quota_near",
      severity: "warning",
      status: "open",
      tenantSlug: tenant.slug,
      evidence: { resource: "customers", used: 8, limit: 10 },
      next: `tenantctl quotas show ${tenant.slug}`,
    });
    expect(near?.summary).toContain("8 of 10 customers");

    await addCustomers(tenant, 2);
    await evaluate();
    expect(await alerts(`tenantId=${tenant.slug}`)).toMatchObject([{ rule: "quota_reached", severity: "critical" }]);

    await limitCustomers(tenant, 1000);
    await evaluate();
    expect(await alerts(`tenantId=${tenant.slug}`)).toEqual([]);
    expect((await alerts(`tenantId=${tenant.slug}&status=resolved`)).map(({ rule }) => rule)).toEqual([
      "quota_reached",
      "quota_near",
    ]);
  });

  it("stay one alert however often and by however many they are evaluated, and keep what operators said", async () => {
    const tenant = await server.provision();
    await limitCustomers(tenant, 1);
    await addCustomers(tenant, 1);
    await Promise.all(Array.from({ length: 20 }, evaluate));
    const [first, ...rest] = await alerts(`tenantId=${tenant.id}&status=all`);
    expect(rest).toEqual([]);
    await act(first?.id ?? "", "acknowledge", { note: "asked the customer" });
    await evaluate();
    const [later] = await alerts(`tenantId=${tenant.id}&status=all`);
    expect(later).toMatchObject({
      id: first?.id,
      status: "acknowledged",
      acknowledgedBy: server.operator.email,
      note: "asked the customer",
    });
    expect(Date.parse(later?.lastSeenAt ?? "")).toBeGreaterThan(Date.parse(first?.lastSeenAt ?? ""));
  });
});

it("failed logins of one account open an alert, in the tenant they were tried on", async () => {
  const tenant = await server.provision();
  const { status } = await server.request("POST", "/api/auth/login", {
    body: { ...tenant.admin, password: "wrong_password" },
  });
  expect(status).toBe(401);
  await server.app.refusals.flush();
  await asOwner(server.database, (client) =>
    client.query(
      `insert into app.audit_log (tenant_id, id, action, resource_type, outcome, actor_type, actor_name, address, occurrences)
       select tenant_id, gen_random_uuid(), action, resource_type, outcome, actor_type, actor_name, address, 11
       from app.audit_log where tenant_id = $1 and action = 'login' and outcome = 'failure'`,
      [tenant.id],
    ),
  );
  await evaluate();
  const found = await alerts(`tenantId=${tenant.id}`);
  expect(found).toMatchObject([
    {
      rule: "failed_logins",
      severity: "warning",
      evidence: { account: tenant.admin.email, attempts: 12 },
      next: `tenantctl logs --tenant ${tenant.slug} --failed --action login`,
    },
  ]);
});

it("a high share of failed requests opens an alert for the tenant and, where it weighs enough, for the system", async () => {
  const tenant = await server.provision();
  await asOwner(server.database, (client) =>
    client.query(
      `insert into app.usage_minutes (tenant_id, minute, requests, errors)
       values ($1, date_trunc('minute', now()) - interval '1 minute', 100000, 50000)`,
      [tenant.id],
    ),
  );
  await evaluate();
  const open = (await alerts("limit=1000")).filter(({ rule }) => rule === "error_rate");
  expect(open.map(({ tenantSlug, severity }) => [tenantSlug, severity]).sort()).toEqual([
    [null, "critical"],
    [tenant.slug, "critical"],
  ]);
});

describe("operators' steps", () => {
  const openAlert = async (): Promise<Alert> => {
    const tenant = await server.provision();
    await limitCustomers(tenant, 1);
    await addCustomers(tenant, 1);
    await evaluate();
    const [alert] = await alerts(`tenantId=${tenant.id}`);
    if (alert === undefined) throw new Error("no alert");
    return alert;
  };
  const auditRows = async (id: string): Promise<number> =>
    (
      await ownerRow<{ count: number }>(
        server.database,
        "select count(*)::int as count from app.audit_log where resource_type = 'alert' and resource_id = $1",
        [id],
      )
    ).count;

  it("are audited once each, and not where nothing changes", async () => {
    const { id } = await openAlert();
    expect((await act(id, "acknowledge")).body.status).toBe("acknowledged");
    expect((await act(id, "acknowledge")).body.status).toBe("acknowledged");
    expect(await auditRows(id)).toBe(1);
    expect((await act(id, "resolve", { note: "plan upgraded" })).body).toMatchObject({
      status: "resolved",
      note: "plan upgraded",
    });
    expect((await act(id, "resolve")).status).toBe(200);
    expect(await auditRows(id)).toBe(2);
    const refused = await act(id, "acknowledge");
    expect([refused.status, refused.body.code]).toEqual([409, "alert_resolved"]);
  });

  it("a resolved alert opens anew while its rule still finds it", async () => {
    const { id, tenantSlug } = await openAlert();
    await act(id, "resolve");
    await evaluate();
    const [again] = await alerts(`tenantId=${tenantSlug}`);
    expect(again?.status).toBe("open");
    expect(again?.id).not.toBe(id);
  });

  it("two operators at once acknowledge once", async () => {
    const { id } = await openAlert();
    const answers = await Promise.all(Array.from({ length: 8 }, () => act(id, "acknowledge")));
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    expect(await auditRows(id)).toBe(1);
  });

  it("an alert that is not there is not found", async () => {
    const { status, body } = await act("01890000-0000-7000-8000-0000000000ff", "acknowledge");
    expect([status, body.code]).toEqual([404, "not_found"]);
  });
});

it("lists page by page, each alert once", async () => {
  const all = (await alerts("status=all&limit=1000")).map(({ id }) => id);
  const seen: string[] = [];
  let next: string | undefined = "/api/admin/alerts?status=all&limit=2";
  while (next !== undefined) {
    const reply: Reply<Alert[]> = await server.request<Alert[]>("GET", next, { token: operator });
    seen.push(...reply.body.map(({ id }) => id));
    next = /<([^>]+)>; rel="next"/.exec(reply.headers.get("link") ?? "")?.[1];
  }
  expect(seen).toEqual(all);
});

it("the status screen tells tenants, quotas near their limit and alerts", async () => {
  const { status, body } = await server.request("GET", "/api/admin/status", { token: operator });
  expect(status).toBe(200);
  expect(body.health.status).toBe("ok");
  expect(body.tenants.active).toBeGreaterThan(0);
  expect(body.quotasNearLimit.length).toBeGreaterThan(0);
  expect(body.quotasNearLimitTotal).toBeGreaterThanOrEqual(body.quotasNearLimit.length);
  expect(body.quotasNearLimit[0].percentage).toBeGreaterThanOrEqual(80);
  expect(body.alertsTotal).toBe((await alerts("limit=1000")).length);
});

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { alertMetrics } from "../src/alerts/alert-metrics.ts";
import { evaluateAlerts } from "../src/alerts/evaluate.ts";
import { startTestServer, type TestServer } from "./fixture/server.ts";

let server: TestServer;
let token: string;
beforeAll(async () => {
  server = await startTestServer();
  token = await server.operatorToken();
});
afterAll(() => server.stop());

const rules = (method: string, path = "", body?: object) =>
  server.request(method, `/api/admin/alert-rules${path}`, { token, ...(body === undefined ? {} : { body }) });
const rule = async (name: string) => (await rules("GET", `/${name}`)).body;
const auditRows = (name: string) =>
  server.asOwner(
    "select l.action, d.before, d.after from app.audit_log l left join app.audit_details d on d.tenant_id = l.tenant_id and d.audit_id = l.id where resource_type = 'alert_rule' and resource_id = $1 order by l.at",
    [name],
  );

describe("shipped rules", () => {
  it("watch metrics that there are, and stand clear or say why they can't on a fresh system", async () => {
    const before = (await rules("GET")).body;
    expect(before.map(({ state }: { state: string }) => state)).toEqual(before.map(() => "new"));
    await evaluateAlerts(server.app.db);
    const { body } = await rules("GET");
    expect(body.length).toBeGreaterThan(15);
    for (const { name, state, problem, metric, source, evaluatedAt, unit } of body) {
      expect(Object.keys(alertMetrics), name).toContain(metric);
      expect({ name, source, known: unit !== null, evaluated: evaluatedAt !== null }).toEqual({
        name,
        source: "shipped",
        known: true,
        evaluated: true,
      });
      expect(["clear", "unavailable"], `${name}: ${problem}`).toContain(state);
      if (state === "unavailable") expect(problem, name).toMatch(/./);
    }
    // No process reports what hosts see here: that must not look as if all were well.
    expect(await rule("disk")).toMatchObject({
      state: "unavailable",
      problem: expect.stringMatching(/no process of the API has reported/),
    });
    expect((await server.request("GET", "/api/admin/alerts", { token })).body).toEqual([]);
  });

  it("are listed with the metrics that rules of one's own could watch, too", async () => {
    const { body } = await server.request("GET", "/api/admin/alert-metrics", { token });
    expect(body.map(({ name }: { name: string }) => name)).toEqual(Object.keys(alertMetrics).sort());
    const quota = body.find(({ name }: { name: string }) => name === "quota_used");
    expect(quota).toMatchObject({
      unit: "%",
      comparison: "atLeast",
      unavailable: null,
      rules: ["quota_near", "quota_reached"],
    });
  });
});

describe("setting a rule", () => {
  it("changes what is said, once, with its audit row; reset goes back to what was shipped", async () => {
    const { status, body } = await rules("PUT", "/error_rate", {
      threshold: 2.5,
      forSeconds: 300,
      escalateAfterSeconds: null,
      notify: ["security"],
    });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      threshold: 2.5,
      forSeconds: 300,
      escalateAfterSeconds: null,
      notify: ["security"],
      criticalThreshold: 25,
      source: "changed",
      updatedBy: server.operator.email,
    });
    expect((await rules("PUT", "/error_rate", { threshold: 2.5 })).status).toBe(200);
    expect(await auditRows("error_rate")).toEqual([
      {
        action: "set_rule",
        before: { threshold: 5, forSeconds: 0, escalateAfterSeconds: 1800, notify: ["on_call"] },
        after: { threshold: 2.5, forSeconds: 300, escalateAfterSeconds: null, notify: ["security"] },
      },
    ]);
    expect((await rules("DELETE", "/error_rate")).body).toMatchObject({
      threshold: 5,
      forSeconds: 0,
      notify: ["on_call"],
      source: "shipped",
    });
    expect((await rules("DELETE", "/error_rate")).status).toBe(200);
    expect((await auditRows("error_rate")).map(({ action }) => action)).toEqual(["set_rule", "reset_rule"]);
  });

  it("makes a new one, which reset removes", async () => {
    const made = await rules("PUT", "/database_grows", { metric: "database_size", threshold: 0.001, severity: "info" });
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({
      state: "new",
      source: "own",
      unit: "GB",
      notify: ["on_call"],
      clearAfterSeconds: 300,
      about: alertMetrics.database_size?.about,
    });
    await evaluateAlerts(server.app.db);
    expect(await rule("database_grows")).toMatchObject({ state: "firing", alerts: 1, holding: 1 });
    const [alert] = (await server.request("GET", "/api/admin/alerts?rule=database_grows", { token })).body;
    expect(alert).toMatchObject({ severity: "info", status: "open" });
    expect((await rules("DELETE", "/database_grows")).status).toBe(200);
    expect((await rules("GET", "/database_grows")).status).toBe(404);
    await evaluateAlerts(server.app.db);
    expect((await server.request("GET", `/api/admin/alerts/${alert.id}`, { token })).body).toMatchObject({
      status: "resolved",
      resolvedBy: "rule off",
    });
  });

  it("refuses what could never be evaluated, and names what there is", async () => {
    for (const [name, body, says] of [
      ["of_nothing", { metric: "no_such_metric", threshold: 1 }, /There are: .*error_rate.*quota_used/],
      ["error_rate", { metric: "no_such_metric" }, /There are: .*error_rate/],
      ["of_nothing", { threshold: 1 }, /watches one of: .*error_rate/],
      ["of_nothing", { metric: "error_rate" }, /from how many %/],
      ["error_rate", { criticalThreshold: 1 }, /Set both/],
      ["token_expiring", { criticalThreshold: 20 }, /Set both/],
      ["error_rate", { threshold: "5" }, /./],
      ["error_rate", { notify: ["everybody"] }, /./],
      ["error_rate", { forSeconds: -1 }, /./],
      ["Error-Rate", { threshold: 5 }, /./],
    ] as const) {
      const { status, body: problem } = await rules("PUT", `/${name}`, body);
      expect([status, problem.code], JSON.stringify(body)).toEqual([400, "invalid_request"]);
      expect(problem.hint).toMatch(says);
    }
    expect(await auditRows("of_nothing")).toEqual([]);
  });

  it("by many at once makes one rule and loses nothing", async () => {
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, at) => rules("PUT", "/raced", { metric: "error_rate", threshold: 1 + at })),
    );
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    for (const { status, body } of answers) expect([200, 201, 409], body.detail).toContain(status);
  });
});

describe("testing a rule", () => {
  it("says what it would open at this threshold or another, and opens nothing", async () => {
    const tenant = await server.provision();
    await server.request("PUT", `/api/admin/tenants/${tenant.id}/quotas`, {
      token,
      body: { resource: "users", limit: 2, reason: "test" },
    });
    const test = async (query: string) => (await rules("GET", `/quota_near/test${query}`)).body;
    expect(await test("")).toMatchObject({ threshold: 80, unit: "%", unavailable: null, holding: 0, findings: [] });
    const found = await test("?threshold=50");
    expect(found).toMatchObject({
      threshold: 50,
      holding: 1,
      findings: [{ severity: "warning", tenantId: tenant.id, value: 50, alert: "would open" }],
    });
    expect(found.findings[0].next).toBe(`tenantctl quotas show ${tenant.slug}`);
    expect((await server.request("GET", `/api/admin/alerts?status=all&tenantId=${tenant.id}`, { token })).body).toEqual(
      [],
    );
    expect((await rules("GET", "/nothing/test")).status).toBe(404);
  });

  it("of a rule from another version says what is wrong with it", async () => {
    await server.asOwner(
      "insert into app.alert_rules (name, metric, about, threshold, severity) values ('from_the_future', 'not_yet', 'x', 1, 'warning')",
    );
    const { status, body } = await rules("GET", "/from_the_future/test");
    expect([status, body.code]).toEqual([409, "rule_broken"]);
    expect(body.detail).toContain("no metric not_yet");
    expect(await rule("from_the_future")).toMatchObject({
      state: "broken",
      unit: null,
      problem: "there is no metric not_yet in this version",
    });
    // It can be switched off all the same.
    expect((await rules("PUT", "/from_the_future", { enabled: false })).body).toMatchObject({
      state: "off",
      problem: null,
    });
  });
});

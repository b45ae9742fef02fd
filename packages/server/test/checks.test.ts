import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { evaluateAlerts } from "../src/alerts/evaluate.ts";
import { type Checklist, checklistOf } from "./fixture/checklist.ts";
import { startTestServer, type TestServer } from "./fixture/server.ts";

let server: TestServer;
let operator: string;
let checklist: Checklist;
beforeAll(async () => {
  server = await startTestServer();
  operator = await server.operatorToken();
  checklist = checklistOf(server);
});
afterAll(() => server.stop());

const get = (path: string) => server.request("GET", `/api/admin/checks${path}`, { token: operator });
const post = (path: string, body: object) =>
  server.request("POST", `/api/admin/checks${path}`, { token: operator, body });
const alertsOf = async (rule: string): Promise<{ summary: string; next: string }[]> =>
  (await server.request("GET", `/api/admin/alerts?rule=${rule}`, { token: operator })).body;

describe("a run of a checklist", () => {
  it("has an item for each line of the guide, and is kept as it was answered", async () => {
    const lines = {
      daily: ["system_health", "error_logs", "quota_usage", "alerts"],
      weekly: ["tenant_statuses", "backup_status", "audit_logs", "documentation"],
      monthly: ["tenant_growth", "usage_patterns", "capacity", "security_logs"],
    } as const;
    for (const cadence of ["daily", "weekly", "monthly"] as const) {
      const run = await checklist.run(cadence);
      expect(run.items.map(({ id }) => id)).toEqual(lines[cadence]);
      for (const { title, evidence } of run.items) {
        expect(title).not.toBe("");
        expect(evidence.length).toBeGreaterThan(0);
      }
      expect((await get(`/${run.id}`)).body).toEqual(run);
      expect(run.by).toBe(server.operator.email);
    }
    expect((await get("?limit=3")).body.map(({ cadence }: { cadence: string }) => cadence)).toEqual([
      "monthly",
      "weekly",
      "daily",
    ]);
  });

  it("is one row of the audit log, and so is signing it off", async () => {
    const { id } = await checklist.run("daily");
    await post(`/${id}/sign-off`, { note: "looked" });
    await post(`/${id}/sign-off`, { note: "again" });
    const rows = await server.asOwner(
      "select action, detail from app.audit_log where resource_type = 'check' and resource_id = $1 order by at",
      [id],
    );
    expect(rows).toEqual([
      { action: "run", detail: "daily" },
      { action: "sign_off", detail: "looked" },
    ]);
  });

  it("is signed off once: the second hears who was first", async () => {
    const { id } = await checklist.run("weekly");
    const email = "second@example.com";
    const password = "the-second-operator";
    await server.request("POST", "/api/admin/operators", {
      token: operator,
      body: { name: "Second", email, password },
    });
    const second = (await server.login({ email, password })).accessToken;
    const both = await Promise.all(
      [operator, second].map((token) =>
        server.request("POST", `/api/admin/checks/${id}/sign-off`, { token, body: { note: "mine" } }),
      ),
    );
    expect(both.map(({ body }) => body.changed).sort()).toEqual([false, true]);
    expect(new Set(both.map(({ body }) => body.signedOffBy)).size).toBe(1);
    expect((await get("?unsigned=true&cadence=weekly")).body.map((run: { id: string }) => run.id)).not.toContain(id);
  });

  it("is refused for a cadence that there is not, and not found where there is none", async () => {
    expect((await post("", { cadence: "yearly" })).status).toBe(400);
    expect((await post("", {})).status).toBe(400);
    const absent = "01890000-0000-7000-8000-0000000000ff";
    expect((await get(`/${absent}`)).status).toBe(404);
    expect((await post(`/${absent}/sign-off`, {})).status).toBe(404);
    expect((await get("/yesterday")).status).toBe(400);
  });
});

describe("a checklist that is overdue", () => {
  const age = (hours: number) =>
    server.asOwner("update app.tenants set created_at = now() - make_interval(hours => $1) where slug = 'system'", [
      hours,
    ]);

  it("raises an alert, counted from when the system was made, and takes it back when it is run", async () => {
    await server.asOwner("delete from app.check_runs");
    await age(29);
    await evaluateAlerts(server.app.db);
    expect(await alertsOf("check_overdue")).toEqual([]);
    await age(31);
    await evaluateAlerts(server.app.db);
    expect(await alertsOf("check_overdue")).toMatchObject([
      { summary: "the daily checklist was never run", next: "tenantctl check daily" },
    ]);
    const shown = async () => (await server.request("GET", "/api/admin/status", { token: operator })).body.checklists;
    expect(await shown()).toMatchObject([
      { cadence: "daily", lastRunAt: null, overdue: true },
      { cadence: "weekly", overdue: false },
      { cadence: "monthly", overdue: false },
    ]);

    const run = await checklist.run("daily");
    await evaluateAlerts(server.app.db);
    expect(await alertsOf("check_overdue")).toEqual([]);
    expect((await shown())[0]).toMatchObject({ lastRunAt: run.startedAt, result: run.result, overdue: false });

    await server.asOwner("update app.check_runs set started_at = now() - interval '3 days'");
    await evaluateAlerts(server.app.db);
    expect(await alertsOf("check_overdue")).toMatchObject([{ summary: "the daily checklist was last run 3 days ago" }]);
    await age(24 * 34);
    await evaluateAlerts(server.app.db);
    expect((await alertsOf("check_overdue")).map(({ next }) => next).sort()).toEqual([
      "tenantctl check daily",
      "tenantctl check monthly",
      "tenantctl check weekly",
    ]);
  });

  it("is not kept from being due by a run whose clock was ahead", async () => {
    await server.asOwner("delete from app.check_runs");
    const { id } = await checklist.run("daily");
    await server.asOwner("update app.check_runs set started_at = now() + interval '1 year' where id = $1", [id]);
    const next = await checklist.run("daily");
    expect(Date.parse(next.since)).toBeLessThanOrEqual(Date.parse(next.startedAt) - 86_000_000);
    await server.asOwner("delete from app.check_runs");
  });
});

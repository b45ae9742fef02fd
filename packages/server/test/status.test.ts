import { SYSTEM_TENANT_ID } from "@tenantctl/database";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { evaluateAlerts } from "../src/alerts/evaluate.ts";
import { recordRun } from "../src/jobs/record-run.ts";
import { startTestServer, type TestServer } from "./fixture/server.ts";
import { until } from "./fixture/until.ts";

let server: TestServer;
let token: string;
beforeAll(async () => {
  server = await startTestServer();
  token = await server.operatorToken();
});
afterAll(() => server.stop());

const status = async () => {
  const { status: code, body, text } = await server.request("GET", "/api/admin/status", { token });
  expect(code, text).toBe(200);
  return body;
};
const whatNeedsAPerson = async (): Promise<string[]> =>
  (await status()).needsAttention.map(({ what }: { what: string }) => what);

it("a fresh system needs nobody, and neither does one whose first tenant has no backup yet", async () => {
  expect(await status()).toMatchObject({ needsAttention: [], needsAttentionTotal: 0, tenants: {}, alertsTotal: 0 });
  await server.provision();
  await evaluateAlerts(server.app.db);
  expect(await status()).toMatchObject({ needsAttention: [], needsAttentionTotal: 0, tenants: { active: 1 } });
});

describe("background jobs", () => {
  it("that have been silent for five minutes need a person; a run in the future says nothing about now", async () => {
    await recordRun(server.app, "evaluate_alerts", null);
    expect(await whatNeedsAPerson()).toEqual([]);
    await server.asOwner("update app.task_runs set succeeded_at = now() + interval '3 days'");
    expect((await status()).jobs).toMatchObject({ lastSucceededAt: null, alertsEvaluatedAt: null });
    await server.asOwner("update app.task_runs set succeeded_at = now() - interval '6 minutes'");
    expect(await whatNeedsAPerson()).toEqual([expect.stringContaining("background jobs have stopped")]);
    await recordRun(server.app, "evaluate_alerts", null);
    expect(await whatNeedsAPerson()).toEqual([]);
  });

  it("that fail are named with what they say, since their first failure, until one succeeds", async () => {
    await recordRun(server.app, "ensure_audit_partitions", "no such table");
    const [first] = (await status()).jobs.failing;
    await recordRun(server.app, "ensure_audit_partitions", "still no such table");
    const [second] = (await status()).jobs.failing;
    expect(second).toEqual({ ...first, error: "still no such table" });
    // When it goes on, the rule task_failing opens an alert.
    expect(await whatNeedsAPerson()).toEqual([]);
    await recordRun(server.app, "a task of another version", "what this one does not know");
    await recordRun(server.app, "ensure_audit_partitions", null);
    expect((await status()).jobs.failing).toEqual([]);
  });

  it("a failing evaluation needs a person by itself: no alert can say so", async () => {
    await recordRun(server.app, "evaluate_alerts", "out of memory");
    expect(await whatNeedsAPerson()).toEqual([]);
    await server.asOwner(
      "update app.task_runs set failing_since = now() - interval '2 minutes' where error is not null",
    );
    expect(await whatNeedsAPerson()).toEqual(["alerts cannot be evaluated: out of memory"]);
    await recordRun(server.app, "evaluate_alerts", null);
    expect(await whatNeedsAPerson()).toEqual([]);
  });
});

describe("alerts", () => {
  const open = async (severity: string, summary: string): Promise<void> => {
    await server.asOwner(
      `insert into app.alerts (id, rule, fingerprint, severity, summary, next_step) values (gen_random_uuid(), 'r', $2, $1, $2, 'tenantctl show it')`,
      [severity, summary],
    );
  };

  it("that nobody took need a person, critical ones first; taken ones and mere information do not", async () => {
    await open("critical", "worst");
    await open("info", "for your information");
    for (let at = 0; at < 30; at += 1) await open("warning", `warning ${at}`);
    const before = await status();
    expect(before.needsAttention[0]).toMatchObject({ what: "worst", severity: "critical", next: "tenantctl show it" });
    expect(before.needsAttention.length).toBeLessThanOrEqual(20);
    expect(before).toMatchObject({
      needsAttentionTotal: 31,
      alertsTotal: 32,
      alertsUnattended: { critical: 1, warning: 30, info: 1 },
    });
    const { id } = before.alerts[0];
    await server.request("POST", `/api/admin/alerts/${id}/acknowledge`, { token, body: { note: "mine" } });
    const after = await status();
    expect(after.alertsUnattended.critical).toBe(0);
    expect(after.needsAttention.every(({ severity }: { severity: string }) => severity === "warning")).toBe(true);
    await server.asOwner(
      `insert into app.alert_silences (id, about_rule, reason, created_by, expires_at)
       values (gen_random_uuid(), 'r', 'known', 'test', now() + interval '1 hour')`,
    );
    expect(await status()).toMatchObject({ needsAttention: [], alertsTotal: 32, alertsUnattended: { warning: 0 } });
    await server.asOwner("update app.alert_silences set ended_at = now()");
    expect((await status()).needsAttentionTotal).toBe(30);
    await server.asOwner("update app.alerts set status = 'resolved', resolved_at = now()");
    expect(await whatNeedsAPerson()).toEqual([]);
  });
});

describe("operations", () => {
  it("that failed within a day need a person until one of the kind succeeds for the same tenant", async () => {
    const { id, slug } = await server.provision();
    const add = (state: string, created: string) =>
      server.asOwner(
        `insert into app.operations (id, kind, tenant_id, tenant_slug, status, error, requested_by, created_at, finished_at)
         values (gen_random_uuid(), 'hard_delete', $1, $2, $3, '{"detail": "disk full"}', '{}', now() - $4::interval, now() - $4::interval)`,
        [id, slug, state, created],
      );
    await add("failed", "2 days");
    expect(await whatNeedsAPerson()).toEqual([]);
    await add("failed", "1 hour");
    expect(await whatNeedsAPerson()).toEqual([`hard delete of ${slug} failed: disk full`]);
    expect((await status()).operationsFailed).toBe(1);
    await add("succeeded", "1 minute");
    expect(await whatNeedsAPerson()).toEqual([]);
  });
});

it("backups that are overdue need a person, once, whether or not their alert stands already", async () => {
  await server.asOwner("update app.tenants set created_at = now() - interval '27 hours' where id <> $1", [
    SYSTEM_TENANT_ID,
  ]);
  const aboutBackups = async () =>
    (await whatNeedsAPerson()).filter((what) => /no backup of the last 26 hours/.test(what));
  expect(await aboutBackups()).toHaveLength(1);
  await evaluateAlerts(server.app.db);
  expect(await aboutBackups()).toHaveLength(1);
});

it("counts a large system's tenants anew after a while, and what needs a person at once", async () => {
  await server.asOwner(
    `insert into app.tenants (id, slug, name, plan) select gen_random_uuid(), 'many-' || n, 'Many', 'basic' from generate_series(1, 1001) n`,
  );
  const { tenants } = await status();
  const { slug } = await server.provision();
  await recordRun(server.app, "evaluate_alerts", null);
  await server.asOwner("update app.task_runs set succeeded_at = now() - interval '6 minutes'");
  expect(await whatNeedsAPerson()).toContainEqual(expect.stringContaining("background jobs have stopped"));
  await until(`${slug} to be counted`, async () => (await status()).tenants.active === tenants.active + 1);
});

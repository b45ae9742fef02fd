import { afterAll, beforeAll, expect, it } from "vitest";
import { evaluateAlerts } from "../src/alerts/evaluate.ts";
import { type Checklist, checklistOf } from "./fixture/checklist.ts";
import { startTestServer, type TestServer } from "./fixture/server.ts";

let server: TestServer;
let checklist: Checklist;
beforeAll(async () => {
  server = await startTestServer();
  checklist = checklistOf(server);
});
afterAll(() => server.stop());

it("system health: well but for contacts; a task that fails and migrations that are missing are problems", async () => {
  const well = await checklist.item("daily", "system_health");
  expect(well).toMatchObject({ result: "warning", next: expect.stringContaining("tenantctl contacts set") });
  expect(well.evidence[0]).toBe("no contacts: alerts reach nobody");
  await server.asOwner(
    "insert into app.task_runs (task, failing_since, error) values ('evaluate_alerts', now(), 'no space left')",
  );
  const failing = await checklist.item("daily", "system_health");
  expect(failing).toMatchObject({ result: "problem", next: "tenantctl status" });
  expect(failing.evidence[0]).toBe("background tasks fail: evaluate_alerts (no space left)");
  await server.asOwner("delete from app.task_runs");
});

it("errors: a new kind is a problem once, then a warning until it is resolved", async () => {
  expect(await checklist.item("daily", "error_logs")).toMatchObject({ result: "ok", next: null });
  await server.asOwner(
    `insert into app.error_groups (fingerprint, code, error, source, place, expected, message, version, occurrences, first_seen_at, last_seen_at)
      values ('00000000000000aa', 'internal', 'TypeError', 'request', 'customers.list', false, 'x', '1', 7, now(), now()),
        ('00000000000000ab', 'overloaded', 'Overload', 'request', 'customers.list', true, 'x', '1', 7, now(), now())`,
  );
  const first = await checklist.item("daily", "error_logs");
  expect(first).toMatchObject({ result: "problem", next: "tenantctl logs errors show 00000000000000aa" });
  expect(first.evidence).toHaveLength(2);
  expect(first.evidence[1]).toBe("new: TypeError in customers.list, 7 times in all, 0 tenants");
  expect(await checklist.item("daily", "error_logs")).toMatchObject({ result: "warning" });
  await server.asOwner("update app.error_groups set resolved_at = now(), resolved_by = 'x'");
  expect(await checklist.item("daily", "error_logs")).toMatchObject({ result: "ok" });
});

it("quotas and alerts: near is a warning, used up a problem, each with the tenant's next command", async () => {
  const { id, slug } = await server.provision();
  const limit = (users: number) =>
    server.asOwner(
      `insert into app.quota_overrides (tenant_id, resource, quota_limit, reason, set_by) values ($1, 'users', $2, 'test', '{}')
        on conflict (tenant_id, resource) do update set quota_limit = excluded.quota_limit`,
      [id, users],
    );
  await server.asOwner("update app.usage_counters set used = 9 where tenant_id = $1 and resource = 'users'", [id]);
  await limit(10);
  const next = `tenantctl quotas show ${slug}`;
  const near = await checklist.item("daily", "quota_usage");
  expect(near).toMatchObject({ result: "warning", next });
  expect(near.evidence[1]).toBe(`${slug}: users 9 of 10, 90 %`);
  await evaluateAlerts(server.app.db);
  expect(await checklist.item("daily", "alerts")).toMatchObject({ result: "warning" });
  await limit(9);
  await evaluateAlerts(server.app.db);
  const run = await checklist.run("daily");
  expect(run).toMatchObject({ result: "problem", problems: 2 });
  expect(run.items[2]).toMatchObject({ result: "problem", next });
  expect(run.items[3]?.next).toMatch(/^tenantctl alerts show /);
  expect(run.figures).toMatchObject([{ item: "quota_usage", kind: "ranking", labels: [`${slug}: users`] }]);
});

import { afterAll, beforeAll, expect, it } from "vitest";
import { evaluateAlerts } from "../src/alerts/evaluate.ts";
import { startTestServer, type TestServer } from "./fixture/server.ts";
import { addContact } from "./fixture/watching.ts";

let server: TestServer;
let token: string;
beforeAll(async () => {
  server = await startTestServer();
  token = await server.operatorToken();
  await addContact(server, "on_call");
});
afterAll(() => server.stop());

const get = async (path: string) => (await server.request("GET", `/api/admin/${path}`, { token })).body;

it("100,000 tenants are one statement, and at most 500 alerts at once and 2,000 in all, with one more that says so", async () => {
  await server.asOwner(
    "update app.alert_rules set enabled = name in ('quota_reached', 'rule_capped', 'backup_overdue')",
  );
  await server.asOwner("update app.alerts set status = 'resolved', resolved_by = 'test' where status <> 'resolved'");
  await server.asOwner(
    `with made as (insert into app.tenants (id, slug, name, plan) select gen_random_uuid(), 'many-' || n, 'Many ' || n, 'basic' from generate_series(1, 100000) n returning id),
     used as (insert into app.usage_counters (tenant_id, resource, used) select id, r, 1000000000000 from made, unnest(array['customers']) r)
     insert into app.usage_counters (tenant_id, resource, used) select id, 'users', 1 from made`,
  );
  // As the change of a plan does it.
  await server.asOwner("select app.note_filling_of_plan('basic')");
  await server.asOwner("analyze app.tenants; analyze app.usage_counters");
  const totals = async () => {
    const { holding, withheld, alerts, state } = await get("alert-rules/quota_reached");
    return { holding, withheld, alerts, state };
  };
  const run = async () => {
    await evaluateAlerts(server.app.db);
    return totals();
  };
  const first = await run();
  expect(first).toMatchObject({ holding: 100_000, withheld: 99_500, alerts: 500, state: "firing" });
  for (let times = 0; times < 3; times += 1) await run();
  const full = await run();
  expect(full).toMatchObject({ holding: 100_000, withheld: 98_000, alerts: 2000 });
  const capped = await get("alerts?rule=rule_capped");
  expect(capped).toMatchObject([
    { evidence: { rule: "quota_reached", holding: 100_000, withheld: 98_000 }, severity: "critical" },
  ]);
  // A flood of pages helps nobody: they trickle.
  const [{ pages }] = await server.asOwner(
    "select count(*)::int as pages from app.deliveries d join app.alerts a on a.id::text = d.subject_id where a.rule = 'quota_reached' and d.event = 'alert.opened'",
  );
  expect(pages).toBeLessThanOrEqual(5 * 50);

  // Once nothing holds any more, they end as orderly, and an evaluation that finds nothing reads without writing.
  await server.asOwner("update app.usage_counters set used = 1");
  for (let times = 0; times < 4; times += 1) await run();
  const clear = await run();
  expect(clear).toMatchObject({ holding: 0, withheld: 0, alerts: 0, state: "clear" });
}, 300_000);

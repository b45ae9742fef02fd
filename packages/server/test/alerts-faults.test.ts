import { sql } from "@tenantctl/database";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { withClient } from "../../database/test/harness/database.ts";
import type { AlertMetric } from "../src/alerts/alert-metric.ts";
import { alertMetrics } from "../src/alerts/alert-metrics.ts";
import { evaluateAlerts } from "../src/alerts/evaluate.ts";
import { holdLock, waitingForLocks } from "./fixture/hold-row.ts";
import { startTestServer, type TestServer } from "./fixture/server.ts";
import { until } from "./fixture/until.ts";
import { addContact, startWatching } from "./fixture/watching.ts";

let server: TestServer;
let second: TestServer;
let token: string;
beforeAll(async () => {
  server = await startTestServer();
  second = await startTestServer({ database: server.database });
  token = await server.operatorToken();
  await addContact(server, "on_call");
});
afterAll(async () => {
  await second.stop();
  await server.stop();
});

const get = async (path: string) => (await server.request("GET", `/api/admin/${path}`, { token })).body;

describe("an evaluation", () => {
  it("by many processes at once opens, tells and escalates once", async () => {
    const watching = await startWatching(server, "at_once", { escalate_after_seconds: 60 });
    await addContact(server, "escalation");
    watching.measure(...Array.from({ length: 20 }, (_, at) => ({ subject: `s${at}`, value: 11 })));
    const everywhere = () =>
      Promise.all(
        [server, second, server, second].flatMap(({ app }) => [
          watching.evaluate({}, app.db),
          watching.evaluate({}, app.db),
        ]),
      );
    await everywhere();
    expect(await watching.alerts()).toHaveLength(20);
    expect(await watching.told()).toHaveLength(20);
    await watching.jump(90);
    await everywhere();
    expect((await watching.told()).filter((line) => line.startsWith("alert.escalated"))).toHaveLength(20);
    expect(await watching.told()).toHaveLength(40);
  });

  it("that is cut off in the middle leaves nothing half, and the next one does it", async () => {
    const watching = await startWatching(server, "cut_off");
    watching.measure({ value: 11 });
    await server.asOwner(
      "insert into app.alert_pending (fingerprint, rule, since_ms, run) values ('left over', 'cut_off', 0, 0)",
    );
    // It has opened the alert and waits for this row, to forget it.
    const release = await holdLock(server.database, "select from app.alert_pending where rule = $1 for update", [
      "cut_off",
    ]);
    const evaluation = watching.evaluate().catch(() => undefined);
    await until("the evaluation to wait", async () => (await waitingForLocks(server.database)) > 0);
    const meanwhile = watching.evaluate({}, second.app.db);
    await withClient(server.database.cluster.adminUrl, (client) =>
      client.query(
        "select pg_terminate_backend(pid) from pg_stat_activity where wait_event_type = 'Lock' and datname = $1",
        [server.database.name],
      ),
    );
    await release();
    await Promise.all([evaluation, meanwhile]);
    expect((await watching.alerts()).length).toBeLessThanOrEqual(1);
    await watching.evaluate({}, second.app.db);
    expect((await watching.alerts()).map(({ status }) => status)).toEqual(["open"]);
    expect(await watching.told()).toEqual(["alert.opened warning to on_call"]);
  });
});

describe("a clock that jumps", () => {
  const patient = { hold_seconds: 300, clear_after_seconds: 300, escalate_after_seconds: 300 };

  it("forward by a day opens, resolves and escalates nothing before its time", async () => {
    const watching = await startWatching(server, "forward", patient);
    watching.measure({ value: 11 });
    await watching.evaluate();
    await watching.jump(86_400);
    await watching.evaluate();
    expect(await watching.alerts()).toEqual([]);
    await watching.pass(180);
    expect(await watching.alerts()).toMatchObject([{ status: "open", escalatedAt: null }]);
    await watching.jump(86_400);
    await watching.evaluate();
    expect(await watching.alerts()).toMatchObject([{ status: "open", escalatedAt: null }]);
    watching.measure();
    await watching.jump(86_400);
    await watching.evaluate();
    expect(await watching.alerts()).toMatchObject([{ status: "open" }]);
    await watching.pass(300);
    expect(await watching.alerts()).toMatchObject([{ status: "resolved" }]);
  });

  it("back by a day stops nothing: from there on, everything takes as long as it always does", async () => {
    const watching = await startWatching(server, "back", patient);
    watching.measure({ value: 11 });
    await watching.evaluate();
    await watching.pass(240);
    await watching.jump(-86_400);
    await watching.evaluate();
    expect(await watching.alerts()).toEqual([]);
    await watching.pass(60);
    expect(await watching.alerts()).toMatchObject([{ status: "open" }]);
    await watching.jump(-86_400);
    watching.measure();
    await watching.evaluate();
    await watching.pass(300);
    expect(await watching.alerts()).toMatchObject([{ status: "resolved" }]);
  });

  it("leaves no failed logins and no use of days to come to be counted now", async () => {
    const tenant = await server.provision();
    await server.asOwner(
      `insert into app.audit_log (tenant_id, id, at, action, resource_type, outcome, actor_type, actor_name, address, occurrences)
       values ($1, gen_random_uuid(), now() + interval '1 day', 'login', 'session', 'failure', 'user', 'a@b.example', '192.0.2.1', 99)`,
      [tenant.id],
    );
    await server.asOwner(
      "insert into app.usage_minutes (tenant_id, minute, requests, errors) values ($1, date_trunc('minute', now()) + interval '1 day', 1000, 900)",
      [tenant.id],
    );
    for (const rule of ["failed_logins", "error_rate"]) {
      expect((await get(`alert-rules/${rule}/test`)).holding, rule).toBe(0);
    }
  });
});

describe("a rule that can't be evaluated", () => {
  const bad: Readonly<Record<string, AlertMetric["find"]>> = {
    divides: () =>
      sql`select '' as subject, null::uuid as "tenantId", 1 / 0 as value, '' as summary, '{}'::jsonb as evidence, '' as next`,
    sleeps: () =>
      sql`select '' as subject, null::uuid as "tenantId", 1.0 as value, '' as summary, '{}'::jsonb as evidence, '' as next from pg_sleep(60)`,
    throws: () => {
      throw new Error("no such column");
    },
  };

  it("stops no other, keeps its alerts, and becomes an alert itself", async () => {
    const watching = await startWatching(server, "well");
    watching.measure({ value: 11 });
    const metrics = {
      ...alertMetrics,
      ...Object.fromEntries(
        Object.entries(bad).map(([name, find]) => [
          name,
          { unit: "", about: "", cost: "", comparison: "atLeast" as const, find },
        ]),
      ),
    };
    for (const name of [...Object.keys(bad), "unheard_of"]) {
      await server.asOwner(
        "insert into app.alert_rules (name, metric, about, threshold, severity) values ($1, $1, 'x', 1, 'warning')",
        [name],
      );
      await server.asOwner(
        "insert into app.alerts (id, rule, fingerprint, severity, summary, next_step) values (gen_random_uuid(), $1, $1, 'warning', 'from before', 'look')",
        [name],
      );
    }
    for (let times = 0; times < 2; times += 1) await watching.evaluate({ statementMs: 500, metrics });
    expect(await watching.alerts()).toMatchObject([{ status: "open" }]);
    const broken = await get("alerts?rule=rule_broken");
    expect(broken.map(({ evidence }: { evidence: { rule: string } }) => evidence.rule).sort()).toEqual([
      "divides",
      "sleeps",
      "throws",
      "unheard_of",
    ]);
    for (const { severity, next, evidence } of broken) {
      expect({ severity, next }).toEqual({
        severity: "critical",
        next: `tenantctl alerts rules show ${evidence.rule}`,
      });
    }
    const failed = await server.asOwner(
      "select rule, error from app.alert_evaluations where error is not null order by rule",
    );
    expect(failed).toEqual([
      { rule: "divides", error: "division by zero" },
      { rule: "sleeps", error: "its metric took longer than 0.5 s" },
      { rule: "throws", error: "no such column" },
      { rule: "unheard_of", error: "there is no metric unheard_of in this version" },
    ]);
    expect(await get("alert-rules/unheard_of")).toMatchObject({ state: "broken", alerts: 1 });
    expect(await get("alerts?rule=divides")).toMatchObject([{ status: "open", summary: "from before" }]);

    // Mended, its alert ends by itself.
    await server.asOwner("update app.alert_rules set enabled = false where name = any ($1)", [
      [...Object.keys(bad), "unheard_of"],
    ]);
    await watching.evaluate();
    expect(await get("alerts?rule=rule_broken")).toEqual([]);
  });

  it("because what it needs can't be seen here is unavailable, and neither clear nor broken", async () => {
    const metrics = {
      ...alertMetrics,
      transaction_age: { ...(alertMetrics.transaction_age as AlertMetric), unavailable: sql<string>`'not here'` },
    };
    await server.asOwner("update app.alert_rules set enabled = true where name = 'long_transactions'");
    await evaluateAlerts(server.app.db, { metrics });
    expect(await get("alert-rules/long_transactions")).toMatchObject({ state: "unavailable", problem: "not here" });
    expect((await get("alert-rules/long_transactions/test")).holding).toBe(0);
  });
});

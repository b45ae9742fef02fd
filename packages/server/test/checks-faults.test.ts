import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { withClient } from "../../database/test/harness/database.ts";
import { startCli, type TestProcess } from "../../database/test/harness/process.ts";
import { type Checklist, checklistOf } from "./fixture/checklist.ts";
import { startTestServer, type TestServer } from "./fixture/server.ts";
import { until } from "./fixture/until.ts";

let server: TestServer;
let operator: string;
let checklist: Checklist;
const processes: TestProcess[] = [];
beforeAll(async () => {
  server = await startTestServer();
  operator = await server.operatorToken();
  checklist = checklistOf(server);
});
afterAll(async () => {
  for (const started of processes) {
    started.kill("SIGKILL");
    await started.exit;
  }
  await server.stop();
});

const kept = async (): Promise<{ runs: number; audited: number }> =>
  (
    await server.asOwner(
      `select (select count(*)::int from app.check_runs) as runs,
        (select count(*)::int from app.audit_log where resource_type = 'check' and action = 'run') as audited`,
    )
  )[0];

it("a check that cannot look is a problem, and the others' findings are kept", async () => {
  await server.asOwner("alter table app.error_groups rename to error_groups_away");
  const run = await checklist.run("daily");
  await server.asOwner("alter table app.error_groups_away rename to error_groups");
  expect(run.items).toHaveLength(4);
  expect(run.items.find(({ id }) => id === "error_logs")).toMatchObject({
    result: "problem",
    evidence: ["could not be looked at: an unexpected error; the API's log has it"],
    next: "tenantctl logs errors",
  });
  expect(run.items.find(({ id }) => id === "quota_usage")).toMatchObject({ result: "ok" });
});

describe("many runs", () => {
  it("at once are each kept whole, or refused", async () => {
    const before = await kept();
    const replies = await Promise.all(
      Array.from({ length: 8 }, () =>
        server.request("POST", "/api/admin/checks", { token: operator, body: { cadence: "weekly" } }),
      ),
    );
    const ran = replies.filter(({ status }) => status === 201);
    expect(ran.length).toBeGreaterThanOrEqual(2);
    for (const { status, body, headers } of replies.filter((reply) => reply.status !== 201)) {
      expect([status, body.code]).toEqual([503, "overloaded"]);
      expect(headers.get("retry-after")).toBe("10");
    }
    for (const { body } of ran) expect(body.items).toHaveLength(4);
    const after = await kept();
    expect(after.runs - before.runs).toBe(ran.length);
    expect(after.audited - before.audited).toBe(ran.length);
  });

  it("leave the newest 1,000 of each checklist, and a list of them is bounded", async () => {
    await server.asOwner("delete from app.check_runs");
    await server.asOwner(
      `insert into app.check_runs (id, cadence, since, started_at, items)
        select gen_random_uuid(), case when n % 2 = 0 then 'daily' else 'weekly' end, now() - make_interval(mins => n), now() - make_interval(mins => n),
          '[{"id": "x", "title": "X", "result": "warning", "evidence": [], "next": null}]' from generate_series(1, 10000) n`,
    );
    const newest = await checklist.run("daily");
    const counts = await server.asOwner("select cadence, count(*)::int as n from app.check_runs group by 1 order by 1");
    expect(counts).toEqual([
      { cadence: "daily", n: 1000 },
      { cadence: "weekly", n: 5000 },
    ]);
    const page = await server.request("GET", "/api/admin/checks?cadence=daily", { token: operator });
    expect(page.body).toHaveLength(100);
    expect(page.body[0].id).toBe(newest.id);
    expect(page.body[1]).toMatchObject({ result: "warning", warnings: 1, problems: 0 });
    const [, rest = ""] = /<([^>]+)>/.exec(page.headers.get("link") ?? "") ?? [];
    const second = await server.request("GET", rest, { token: operator });
    const ids = [...page.body, ...second.body].map(({ id }: { id: string }) => id);
    expect(new Set(ids).size).toBe(200);
  });
});

it("a run that is killed before it is kept leaves nothing; the same step runs again", async () => {
  const started = startCli(["serve"], {
    env: {
      PATH: process.env.PATH,
      PORT: "0",
      DATABASE_URL: server.database.url,
      TENANTCTL_ROLE_PREFIX: server.database.prefix,
      TENANTCTL_JWT_SECRET: "a secret of the tests longer than 32 characters",
      TENANTCTL_JOBS: "false",
    },
  });
  processes.push(started);
  const [, url = ""] = await started.waitFor(/serving (http:\/\/\S+)/, 60_000);
  const headers = { "content-type": "application/json" };
  const login = await fetch(`${url}/api/auth/login`, {
    method: "POST",
    headers,
    body: JSON.stringify(server.operator),
  });
  const { accessToken } = (await login.json()) as { accessToken: string };
  const before = await kept();
  await withClient(server.database.url, async (client) => {
    // It has looked, and waits to write.
    await client.query("begin");
    await client.query("lock table app.check_runs in share mode");
    const asked = fetch(`${url}/api/admin/checks`, {
      method: "POST",
      headers: { ...headers, authorization: `Bearer ${accessToken}` },
      body: JSON.stringify({ cadence: "daily" }),
    }).catch(() => undefined);
    await until("the run to wait", async () => {
      const { rows } = await client.query(
        "select from pg_locks where relation = 'app.check_runs'::regclass and not granted",
      );
      return rows.length > 0;
    });
    started.kill("SIGKILL");
    await started.exit;
    await asked;
    await client.query("rollback");
  });
  await until(
    "its session to end",
    async () => (await server.asOwner("select from pg_locks where relation = 'app.check_runs'::regclass")).length === 0,
  );
  const after = await kept();
  // All of it or nothing: what PostgreSQL had in hand when its client went may still be kept.
  expect(after.runs - before.runs).toBe(after.audited - before.audited);
  await checklist.run("daily");
  expect((await kept()).audited).toBe(after.audited + 1);
});

it("thousands of tenants with rubbish for names are a bounded answer", async () => {
  await server.asOwner(
    `insert into app.tenants (id, slug, name, plan, status, status_reason, created_at, status_changed_at)
      select gen_random_uuid(), 'many-' || n, E'<script>alert(1)</script>\\u202e\\u0007 ' || n, 'basic', 'suspended', repeat('x', 400), now() - interval '1 hour', now()
      from generate_series(1, 3000) n`,
  );
  for (const cadence of ["daily", "weekly", "monthly"] as const) {
    const run = await checklist.run(cadence);
    for (const { evidence } of run.items) {
      expect(evidence.length).toBeLessThanOrEqual(40);
      for (const line of evidence) expect(line.length).toBeLessThanOrEqual(500);
    }
    expect(JSON.stringify(run).length).toBeLessThan(100_000);
  }
});

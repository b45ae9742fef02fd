import { SYSTEM_TENANT_ID } from "@tenantctl/database";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { keepFacts } from "../src/checks/keep-facts.ts";
import { linearFit } from "../src/checks/linear-fit.ts";
import { type Checklist, checklistOf } from "./fixture/checklist.ts";
import { type Provisioned, startTestServer, type TestServer } from "./fixture/server.ts";

let server: TestServer;
let checklist: Checklist;
let tenant: Provisioned;
beforeAll(async () => {
  server = await startTestServer();
  checklist = checklistOf(server);
  tenant = await server.provision({ plan: "basic" });
});
afterAll(() => server.stop());

/** Days before today, on each of which `disk` says how many bytes of 100 GB were used. */
const days = async (count: number, disk: string, connections = "5") => {
  await server.asOwner("delete from app.daily_facts");
  await server.asOwner(
    `insert into app.daily_facts (day, tenants, users, customers, rows, bytes, database_bytes, connections, connections_limit,
        disk_bytes, disk_limit_bytes)
      select (now() at time zone 'UTC')::date - ago, 1, 1, 0, 10, 10, 10, ${connections}, 100, ${disk}, 100e9
      from generate_series(1, $1::int) ago`,
    [count],
  );
};

describe("the line through points", () => {
  it("is found, with how well it fits", () => {
    expect(
      linearFit([
        [0, 1],
        [1, 3],
        [2, 5],
      ]),
    ).toEqual({ points: 3, slope: 2, intercept: 1, r2: 1 });
    expect(
      linearFit([
        [0, 4],
        [1, 4],
      ]),
    ).toMatchObject({ slope: 0, r2: 1 });
    expect(
      linearFit([
        [0, 0],
        [1, 1],
        [2, 0],
      ])?.r2,
    ).toBe(0);
    expect(
      linearFit([
        [3, 1],
        [3, 2],
      ]),
    ).toBeUndefined();
    expect(linearFit([[3, 1]])).toBeUndefined();
    expect(linearFit([])).toBeUndefined();
  });
});

describe("capacity", () => {
  it("says that there is not enough history, rather than a date", async () => {
    await days(3, "50e9 - ago * 1e9");
    const { result, evidence } = await checklist.item("monthly", "capacity");
    expect(result).toBe("needs_person");
    expect(evidence).toContain("  not enough history to say when it runs out: 3 days of 7");
    expect(evidence.join("\n")).not.toMatch(/runs out in/);
  });

  it("says when the disk is full at this rate, with the line: points, slope, r²", async () => {
    await days(30, "70e9 - ago * 1e9");
    const run = await checklist.run("monthly");
    const { result, evidence } = run.items.find(({ id }) => id === "capacity") ?? { result: "", evidence: [] };
    expect(result).toBe("warning");
    expect(evidence[0]).toBe("disk: 69.0 GB of 100.0 GB, 69 %");
    expect(evidence[1]).toMatch(
      /^ {2}at this rate it runs out in 31 days, on \d{4}-\d\d-\d\d \(30 points, slope \+1\.0 GB a day, r² 1\.00\)$/,
    );
    const figure = run.figures.find(({ title }) => title.startsWith("Disk"));
    expect(figure?.series.map(({ name, values }) => [name, values.length])).toEqual([
      ["measured", 30],
      ["line", 30],
    ]);
    await days(30, "90e9 - ago * 1e9");
    expect(await checklist.item("monthly", "capacity")).toMatchObject({ result: "problem" });
  });

  it("does not plan by a line that does not fit, and expects nothing of what does not grow", async () => {
    await days(20, "40e9 + (ago % 2) * 20e9", "10 + ago");
    const { evidence } = await checklist.item("monthly", "capacity");
    expect(evidence[1]).toMatch(
      /^ {2}(no line fits: do not plan by it|does not grow) \(20 points, slope .*, r² 0\.0\d\)$/,
    );
    expect(evidence[3]).toMatch(/^ {2}does not grow \(21 points/);
  });

  it("names the tenants whose quotas are used up soon, of all in one statement", async () => {
    await server.asOwner(
      `insert into app.tenant_sizes (tenant_id, day, rows, bytes)
        select $1, (now() at time zone 'UTC')::date - ago, 1, 1000000000 - ago * 20000000 from generate_series(1, 20) ago`,
      [tenant.id],
    );
    const { result, evidence, next } = await checklist.item("monthly", "capacity");
    expect(result).toBe("warning");
    expect(next).toBe(`tenantctl quotas show ${tenant.slug}`);
    expect(evidence.join("\n")).toMatch(
      new RegExp(`${tenant.slug}: storage bytes in 4 days \\(20 points, slope \\+20\\.0 MB a day, r² 1\\.00\\)`),
    );
  });
});

it("growth: compared with a month before; what fell by a fifth is a warning", async () => {
  await server.asOwner("delete from app.daily_facts");
  const alone = await checklist.item("monthly", "tenant_growth");
  expect(alone).toMatchObject({ result: "ok" });
  expect(alone.evidence[0]).toBe("one day of history only: growth shows from tomorrow on");
  await days(40, "1e9");
  const grown = await checklist.item("monthly", "tenant_growth");
  expect(grown.evidence[0]).toMatch(/^since \d{4}-\d\d-\d\d, 30 days before \(41 days are kept\)$/);
  expect(grown.evidence).toContain("tenants: 1 → 1, unchanged");
  await server.asOwner("update app.daily_facts set users = 100 where day < (now() at time zone 'UTC')::date");
  const fallen = await checklist.item("monthly", "tenant_growth");
  expect(fallen.result).toBe("warning");
  expect(fallen.evidence).toContain("users: 100 → 1, -99 %: fell by a fifth or more");
});

it("use: by plan, by tenant and by hour", async () => {
  await server.asOwner(
    "insert into app.usage_days (tenant_id, day, api_requests) values ($1, (now() at time zone 'UTC')::date - 1, 750) on conflict (tenant_id, day) do update set api_requests = 750",
    [tenant.id],
  );
  // The run keeps the hours that are over since there is a system, which here is older than this test: none of its own, then.
  await server.asOwner("update app.tenants set created_at = now() where id = $1", [SYSTEM_TENANT_ID]);
  await server.asOwner("delete from app.hourly_requests");
  await server.asOwner(
    `insert into app.hourly_requests (hour, requests, errors)
      select date_trunc('day', now(), 'UTC') - interval '3 days' + make_interval(hours => h), h * 10, 0 from generate_series(0, 23) h`,
  );
  const run = await checklist.run("monthly");
  const { evidence } = run.items[1] ?? { evidence: [] };
  expect(evidence[0]).toMatch(/^75\d requests about tenants within 30 days$/);
  expect(evidence[1]).toMatch(/^plan basic: 1 tenant, 75\d requests, 100 %$/);
  expect(evidence).toContain("by hour (UTC): the most at 23:00, 230 requests on average; the least at 00:00, 0");
  const hours = run.figures.find(({ title }) => title.startsWith("Requests by hour"));
  expect(hours?.series[0]?.values).toEqual(Array.from({ length: 24 }, (_, hour) => hour * 10));
});

it("security: failed logins, refused crossings and idle tokens of the month", async () => {
  const other = await server.provision();
  for (let attempt = 0; attempt < 3; attempt += 1) {
    await server.request("POST", "/api/auth/login", {
      body: { email: other.admin.email, tenant: other.slug, password: "wrong" },
    });
  }
  await server.request("GET", `/api/customers?tenantId=${tenant.id}`, { token: other.token });
  await server.app.refusals.flush();
  const { result, evidence, next } = await checklist.item("monthly", "security_logs");
  expect(result).toBe("warning");
  expect(evidence[0]).toMatch(/^3 failed logins since .*, as 1 account from 1 address$/);
  expect(evidence).toContain(`  ${other.admin.email} of ${other.slug}: 3, from 127.0.0.1`);
  expect(evidence).toContain("1 request for another tenant, all refused");
  expect(next).toBe(`tenantctl logs --tenant ${other.slug} --denied`);
});

it("the facts are kept once a day and hour, whoever looks, the connections as the most that anybody saw", async () => {
  await server.asOwner("delete from app.daily_facts");
  await server.asOwner("delete from app.hourly_requests");
  await server.asOwner("update app.tenants set created_at = now() - interval '10 days' where slug = 'system'");
  await Promise.all([keepFacts(server.app), keepFacts(server.app)]);
  await server.asOwner("update app.daily_facts set connections = 1000");
  for (let run = 0; run < 9; run += 1) await keepFacts(server.app);
  expect(await server.asOwner("select tenants, connections from app.daily_facts")).toEqual([
    { tenants: "2", connections: 1000 },
  ]);
  const [hours] = await server.asOwner(
    "select count(*)::int as n, count(distinct hour)::int as different, max(hour) < now() as over from app.hourly_requests",
  );
  expect(hours.n).toBe(hours.different);
  expect(hours.n).toBeGreaterThanOrEqual(45);
  expect(hours.over).toBe(true);
});

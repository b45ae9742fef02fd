import { randomUUID } from "node:crypto";
import { build, readAsOperator, sql } from "@tenantctl/database";
import type { FastifyRequest } from "fastify";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createAccessLog } from "../src/access-log/access-log.ts";
import { archiveOf, downloadArchive, manifestOf } from "./fixture/archives.ts";
import { createPausableDatabase } from "./fixture/pausable-database.ts";
import { type Provisioned, startTestServer, type TestServer } from "./fixture/server.ts";
import { until } from "./fixture/until.ts";

let server: TestServer;
let operator: string;
let operatorId: string;
let tenant: Provisioned;
beforeAll(async () => {
  server = await startTestServer();
  operator = await server.operatorToken();
  operatorId = (await server.request("GET", "/api/auth/me", { token: operator })).body.id;
  tenant = await server.provision();
});
afterAll(() => server.stop());

const call = (token: string, path: string, method = "GET", body?: object) =>
  server.request(method, path, { token, body });

/** The log as an operator sees it. */
const log = async (query = "") => {
  await server.app.accessLog.flush();
  const { status, body } = await call(operator, `/api/admin/access-log${query}`);
  expect(status).toBe(200);
  return body;
};

const requestsIn = (rows: readonly { requests: number }[]): number =>
  rows.reduce((sum, { requests }) => sum + requests, 0);

/** A request as the log is told of it, of somebody made up. */
const requestOf = (
  more: { tenantId?: string; userId?: string; ip?: string; operatorId?: string } = {},
): FastifyRequest => {
  const { tenantId = tenant.id, userId = randomUUID(), ip = "192.0.2.1", operatorId: id } = more;
  const session = { sessionId: randomUUID(), name: "made@up.example", mustChangePassword: false };
  const principal =
    id === undefined
      ? { kind: "user", tenantId, userId, role: "tenant_admin", ...session }
      : { kind: "operator", operatorId: id, ...session };
  return { id: randomUUID(), ip, tenantId, principal, params: {}, query: {} } as unknown as FastifyRequest;
};

const otherProcess = () => createAccessLog(server.app.db, server.app.log, () => undefined);

describe("the access log", () => {
  it("tells who read and wrote what, from where, how often", async () => {
    const own = await server.provision();
    const me = (await call(own.token, "/api/auth/me")).body.id;
    const ids: (string | null)[] = [];
    for (let time = 0; time < 3; time += 1) {
      ids.push((await call(own.token, "/api/customers")).headers.get("x-request-id"));
    }
    await call(own.token, "/api/customers", "POST", { name: "Ann" });
    const rows = await log(`?tenantId=${own.slug}&actor=${me}`);
    const read = rows.filter(({ route }: { route: string }) => route === "customers.list");
    expect(requestsIn(read)).toBe(3);
    expect(read[0]).toMatchObject({
      tenantId: own.id,
      tenantSlug: own.slug,
      actor: { type: "user", id: me, name: own.admin.email },
      address: "127.0.0.1",
      lastRequestId: ids[2],
    });
    expect(read.at(-1).firstRequestId).toBe(ids[0]);
    expect(requestsIn(rows.filter(({ route }: { route: string }) => route === "customers.create"))).toBe(1);
  });

  it("has operators' reading under the tenant, by whatever name and route they reached it", async () => {
    const own = await server.provision();
    await call(operator, `/api/customers?tenantId=${own.slug}`);
    await call(operator, `/api/admin/tenants/${own.slug}`);
    await call(operator, `/api/admin/tenants/${own.id.toUpperCase()}`);
    await call(operator, `/api/admin/tenants/${own.slug}/users`);
    await archiveOf(server, own.slug);
    await server.request("GET", `/api/tenants/export?tenantId=${own.id}`, { token: operator });
    await call(operator, `/api/admin/metrics?tenantId=${own.slug}`);
    const rows = await log(`?tenantId=${own.id}&actor=${server.operator.email}`);
    const counted = Object.fromEntries(
      [...new Set(rows.map(({ route }: { route: string }) => route))].map((route) => [
        route,
        requestsIn(rows.filter((row: { route: string }) => row.route === route)),
      ]),
    );
    expect(counted).toMatchObject({
      "customers.list": 1,
      "tenants.get": 2,
      "tenants.users": 1,
      "backups.archive": 1,
      "tenants.export": 1,
      "metrics.get": 1,
    });
    expect(rows[0].actor).toEqual({ type: "operator", id: operatorId, name: server.operator.email });
  });

  it("names tokens, a tenant's and an operator's, by their id and name", async () => {
    const ofTenant = (
      await call(tenant.token, "/api/tenants/tokens", "POST", { name: "nightly", scopes: ["customers:read"] })
    ).body;
    const ofOperator = (
      await call(operator, "/api/admin/tokens", "POST", { name: "reports", scopes: ["customers:read"] })
    ).body;
    expect((await call(ofTenant.token, "/api/customers")).status).toBe(200);
    expect((await call(ofOperator.token, `/api/customers?tenantId=${tenant.id}`)).status).toBe(200);
    for (const { id, name } of [ofTenant, ofOperator]) {
      const [row] = await log(`?actor=${id}`);
      expect(row).toMatchObject({ tenantId: tenant.id, route: "customers.list", actor: { type: "token", id, name } });
    }
  });

  it("leaves out what was refused, what needs no credentials, and whoever made up a token", async () => {
    const own = await server.provision();
    const theirs = `?tenantId=${own.id}&actor=${own.admin.email}`;
    const before = await log(theirs);
    await call(own.token, "/api/customers/01890000-0000-7000-8000-000000000009");
    await call(own.token, "/api/customers?limit=0");
    await call(own.token, "/api/admin/tenants");
    await call("tctl_nonsense", "/api/customers");
    await server.request("GET", "/api/health");
    expect(await log(theirs)).toEqual(before);
  });

  it("shows a tenant_admin their own tenant's rows, operators' included, and nobody else's", async () => {
    const own = await server.provision();
    await call(operator, `/api/customers?tenantId=${own.id}`);
    await call(own.token, "/api/customers");
    await server.app.accessLog.flush();
    const { body } = await call(own.token, "/api/access-log");
    expect(new Set(body.map((row: { tenantId: string }) => row.tenantId))).toEqual(new Set([own.id]));
    expect(body.map((row: { actor: { type: string } }) => row.actor.type)).toContain("operator");
    expect((await call(own.token, "/api/admin/access-log")).status).toBe(403);
    expect((await call(own.token, `/api/access-log?tenantId=${tenant.id}`)).status).toBe(404);
  });

  it("sums up by actor, address, route and tenant", async () => {
    const own = await server.provision();
    for (let time = 0; time < 4; time += 1) await call(own.token, "/api/customers");
    await call(operator, `/api/customers?tenantId=${own.id}`);
    await server.app.accessLog.flush();
    const sums = async (token: string, query: string) => (await call(token, `/api/access-log/summary?${query}`)).body;
    const byActor = await sums(operator, `tenantId=${own.id}&by=actor&route=customers.list`);
    expect(byActor).toMatchObject([
      { name: own.admin.email, requests: 4, tenants: 1, addresses: 1 },
      { key: operatorId, name: server.operator.email, requests: 1 },
    ]);
    expect(await sums(own.token, "by=address&route=customers.list")).toMatchObject([
      { key: "127.0.0.1", requests: 5, actors: 2 },
    ]);
    const byTenant = await sums(operator, `by=tenant&actor=${server.operator.email}`);
    expect(byTenant).toContainEqual(expect.objectContaining({ key: own.id, name: own.slug }));
    expect(byTenant).toContainEqual(expect.objectContaining({ key: "system", name: null }));
    expect(await sums(own.token, "by=tenant")).toMatchObject([{ key: own.id, name: own.slug }]);
    expect((await sums(operator, "by=route")).length).toBeGreaterThan(3);
  });

  it("is read page by page, each row once, in a fixed order", async () => {
    const own = await server.provision();
    for (const path of [
      "/api/customers",
      "/api/tenants/quotas",
      "/api/auth/me",
      "/api/audit-logs",
      "/api/tenants/users",
    ]) {
      await call(own.token, path);
      await call(operator, path === "/api/auth/me" ? path : `${path}?tenantId=${own.id}`);
    }
    const whole = await log(`?tenantId=${own.id}`);
    const paged: unknown[] = [];
    for (
      let path: string | undefined = `/api/admin/access-log?tenantId=${own.id}&limit=2&until=2100-01-01T00:00:00Z`;
      path;
    ) {
      const reply = await call(operator, path);
      paged.push(...reply.body);
      path = /<([^>]+)>/.exec(reply.headers.get("link") ?? "")?.[1];
    }
    expect(paged).toEqual(whole);
  });

  it("stays when the tenant goes, in no archive of a tenant, and in the system's", async () => {
    const own = await server.provision();
    await call(own.token, "/api/customers");
    const before = await log(`?tenantId=${own.id}&route=customers.list`);
    expect((await manifestOf(await archiveOf(server, own.id))).tables.map(({ name }) => name)).not.toContain(
      "app.access_log",
    );
    const system = await manifestOf(await downloadArchive(server, "/api/admin/system/archive"));
    const archived = system.tables.map(({ name }) => name);
    expect(archived).toContain("app.access_log");
    expect(archived).not.toContain("app.error_groups");
    const deletion = await call(operator, `/api/admin/tenants/${own.id}/delete`, "POST", {
      hardDelete: true,
      force: true,
    });
    expect(deletion.body.status).toBe("purged");
    expect(await log(`?tenantId=${own.slug}&route=customers.list`)).toEqual(before);
  });
});

describe("faults", () => {
  it("two processes that write the same lines at once lose and double nothing", async () => {
    const processes = [otherProcess(), otherProcess()];
    const userId = randomUUID();
    for (let round = 0; round < 20; round += 1) {
      for (const each of processes) {
        each.note("customers.list", requestOf({ userId }));
        each.note("customers.get", requestOf({ userId }));
      }
      await Promise.all(processes.map((each) => each.flush()));
    }
    await Promise.all(processes.map((each) => each.close()));
    expect(requestsIn(await log(`?actor=${userId}`))).toBe(80);
  });

  it("a hundred thousand actors at once: what there is room for is told apart, the rest is counted, operators' never", async () => {
    const own = await server.provision();
    const flooded = otherProcess();
    for (let time = 0; time < 100_000; time += 1) flooded.note("customers.list", requestOf({ tenantId: own.id }));
    const someone = randomUUID();
    flooded.note("customers.list", requestOf({ tenantId: own.id, operatorId: someone }));
    await flooded.close();
    const [row] = await server.asOwner(
      `select count(*)::int as lines, sum(requests)::int as requests,
          (sum(requests) filter (where actor_type = 'overflow'))::int as overflow
        from app.access_log where tenant_id = $1 and actor_name is distinct from $2`,
      [own.id, own.admin.email],
    );
    // Notes that cross a minute's end make one overflow line more.
    expect(row).toMatchObject({ requests: 100_001, overflow: 50_000 });
    expect(row.lines).toBeLessThanOrEqual(50_003);
    expect(await log(`?actor=${someone}`)).toHaveLength(1);
  }, 120_000);

  it("a database that is away for minutes: lines wait, bounded, and arrive; nothing breaks", async () => {
    const behind = await createPausableDatabase();
    const away = await startTestServer({ database: behind.database });
    try {
      const own = await away.provision();
      await away.app.accessLog.flush();
      behind.pause();
      behind.cut();
      const userId = randomUUID();
      for (let time = 0; time < 70_000; time += 1) {
        away.app.accessLog.note(
          "customers.list",
          requestOf({ tenantId: own.id, userId: time < 10 ? userId : randomUUID() }),
        );
      }
      const failing = away.app.accessLog.flush();
      away.app.accessLog.note("customers.list", requestOf({ tenantId: own.id, userId }));
      await failing;
      behind.resume();
      const found = await until("the access log to be written", async () => {
        await away.app.accessLog.flush();
        const [row] = await away.asOwner(
          `select sum(requests)::int as requests, (sum(requests) filter (where actor_id = $2))::int as theirs,
            (sum(requests) filter (where actor_type = 'overflow'))::int as overflow
          from app.access_log where tenant_id = $1 and route in ('customers.list', '')`,
          [own.id, userId],
        );
        return row.requests === null ? undefined : row;
      });
      expect(found).toEqual({ requests: 70_001, theirs: 11, overflow: 70_000 - 9 - 50_000 });
    } finally {
      await away.stop();
      await behind.drop();
    }
  }, 120_000);

  it("rubbish in what callers choose is text, or not taken", async () => {
    const rubbish = ["'; drop table app.access_log; --", "%00", "\u202e", "x".repeat(60), "é"];
    for (const text of rubbish) {
      for (const name of ["actor", "route", "address", "tenantId"]) {
        const reply = await call(operator, `/api/admin/access-log?${name}=${encodeURIComponent(text)}`);
        expect([200, 400, 404]).toContain(reply.status);
      }
    }
    await call(operator, `/api/admin/tenants/${encodeURIComponent("'; drop table app.access_log; --")}`);
    expect(requestsIn(await log())).toBeGreaterThan(0);
  });

  it("a clock that jumps makes no row but those that it should, and none that stays for ever", async () => {
    const userId = randomUUID();
    const add = (age: number) =>
      server.asOwner("select app.add_accesses($1)", [
        JSON.stringify([
          {
            tenantId: tenant.id,
            actorType: "user",
            actorId: userId,
            route: "customers.list",
            address: "192.0.2.1",
            requests: 1,
            firstRequestId: "a",
            lastRequestId: "b",
            age,
          },
        ]),
      ]);
    // Asked for a time to come, the database takes its own.
    await add(-86_400 * 365);
    const [row] = await log(`?actor=${userId}`);
    expect(Math.abs(Date.parse(row.at) - Date.now())).toBeLessThan(180_000);
    // What the database's own clock wrote while it was ahead is put down as of now, and ages from there.
    await server.asOwner(
      "update app.access_log set minute = $2::timestamptz + interval '3 years' where actor_id = $1",
      [userId, row.at],
    );
    await server.asOwner("select app.drop_old_accesses()");
    const [again] = await log(`?actor=${userId}`);
    expect(Math.abs(Date.parse(again.at) - Date.now())).toBeLessThan(180_000);
    expect(await log(`?actor=${userId}`)).toHaveLength(1);
  });

  it("days older than 90 are dropped whole; a tenant under a legal hold keeps its own", async () => {
    const [held, free] = [await server.provision(), await server.provision()];
    const insert = (id: string, days: number) =>
      server.asOwner(
        `insert into app.access_log values ($1, date_trunc('day', now()) - make_interval(days => $2), 'user', $3, null, 'customers.list', '192.0.2.1', 1, 'a', 'b')`,
        [id, days, randomUUID()],
      );
    for (const days of [80, 95, 200]) {
      await insert(held.id, days);
      await insert(free.id, days);
    }
    await server.asOwner("select tenancy.ensure_access_partitions()");
    // The days that are still kept have got partitions of their own.
    const parts = await server.asOwner<{ part: string }>(
      "select tableoid::regclass::text as part from app.access_log where tenant_id = $1 and minute > now() - interval '90 days' and minute < now() - interval '1 day'",
      [free.id],
    );
    // With the shard's number on Citus.
    expect(parts[0]?.part).toMatch(/access_log_\d{4}_\d\d_\d\d(_\d+)?$/);
    expect((await call(operator, `/api/admin/tenants/${held.id}/hold`, "PUT", { reason: "litigation" })).status).toBe(
      200,
    );
    await server.asOwner("select app.drop_old_accesses()");
    const left = async (id: string) =>
      (await server.asOwner("select from app.access_log where tenant_id = $1 and route = 'customers.list'", [id]))
        .length;
    expect([await left(held.id), await left(free.id)]).toEqual([3, 1]);
    await call(operator, `/api/admin/tenants/${held.id}/hold`, "DELETE");
    await server.asOwner("select app.drop_old_accesses()");
    expect(await left(held.id)).toBe(1);
  });

  it("a day that is a partition is dropped as one, and kept for a held tenant", async () => {
    const own = await server.provision();
    const day = (
      await server.asOwner<{ day: string }>(
        "select to_char((now() at time zone 'UTC')::date - 93, 'YYYY_MM_DD') as day",
      )
    )[0]?.day;
    await server.asOwner(
      `create table app.access_log_${day} partition of app.access_log for values
        from ('${day?.replaceAll("_", "-")} 00:00Z') to ('${day?.replaceAll("_", "-")} 24:00Z')`,
    );
    const exists = async () =>
      (await server.asOwner("select to_regclass($1) is not null as there", [`app.access_log_${day}`]))[0].there;
    const insert = (id: string) =>
      server.asOwner(
        `insert into app.access_log values ($1, date_trunc('day', now() at time zone 'UTC') at time zone 'UTC' - interval '93 days', 'user', 'x', null, 'customers.list', '192.0.2.1', 1, 'a', 'b')`,
        [id],
      );
    await insert(own.id);
    await insert(tenant.id);
    await call(operator, `/api/admin/tenants/${own.id}/hold`, "PUT", { reason: "litigation" });
    await server.asOwner("select app.drop_old_accesses()");
    expect(await server.asOwner(`select tenant_id from app.access_log_${day}`)).toEqual([{ tenant_id: own.id }]);
    await call(operator, `/api/admin/tenants/${own.id}/hold`, "DELETE");
    expect(await server.asOwner("select app.drop_old_accesses() as days")).toEqual([{ days: 1 }]);
    expect(await exists()).toBe(false);
  });

  it("no serving role can write it otherwise, and a tenant not at all", async () => {
    const { db } = server.app;
    const add = sql`select app.add_accesses('[]')`.compile(build);
    const insert = sql`insert into app.access_log select * from app.access_log limit 1`.compile(build);
    await expect(db.tenant(tenant.id, readAsOperator()).run(add)).rejects.toThrow(/permission denied/);
    for (const scope of [db.tenant(tenant.id, readAsOperator()), db.operator(undefined, { tenantId: tenant.id })]) {
      await expect(scope.run(insert)).rejects.toThrow(/permission denied/);
      await expect(scope.run(sql`delete from app.access_log`.compile(build))).rejects.toThrow(/permission denied/);
    }
  });
});

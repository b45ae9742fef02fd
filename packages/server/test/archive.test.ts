import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { readSeveral } from "@tenantctl/archive";
import { afterAll, beforeAll, expect, test } from "vitest";
import { withClient } from "../../database/test/harness/database.ts";
import { archiveOf, digestsOf, downloadArchive, manifestOf, rowsIn } from "./fixture/archives.ts";
import { startTestServer, type TestServer } from "./fixture/server.ts";
import { until } from "./fixture/until.ts";

let server: TestServer;
let operator: string;
const folder = mkdtempSync(join(tmpdir(), "tenantctl-archive-"));

beforeAll(async () => {
  server = await startTestServer();
  operator = await server.operatorToken();
});
afterAll(async () => {
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const saved = (archive: Buffer): string => {
  const path = join(folder, `${randomUUID()}.tar`);
  writeFileSync(path, archive);
  return path;
};

const addCustomer = (tenantId: string, name: string) =>
  server.request("POST", `/api/customers?tenantId=${tenantId}`, { token: operator, body: { name } });

const odd = "Of this tenant\twith \\ and\nnewline";

const auditOf = (tenantId: string, action: string) =>
  server.asOwner("select actor_name from app.audit_log where tenant_id = $1 and action = $2", [tenantId, action]);

test("holds one tenant's rows, its hashes too, and nobody else's", async () => {
  const [own, other] = [await server.provision(), await server.provision()];
  await server.asOwner("insert into app.customers (tenant_id, id, name) values ($1, gen_random_uuid(), $2)", [
    own.id,
    odd,
  ]);
  await addCustomer(other.id, "Of another");
  const archive = await archiveOf(server, own.slug);
  const manifest = await manifestOf(archive);
  expect(manifest.tenant).toMatchObject({ id: own.id, slug: own.slug, status: "active", plan: "enterprise" });
  expect(manifest.tables.map(({ name }) => name)).toEqual(
    expect.arrayContaining(["app.users", "app.customers", "app.quota_overrides", "app.audit_details", "app.audit_log"]),
  );
  expect(
    manifest.tables.map(({ name }) => name).filter((name) => /session|token|reset|known|usage_[md]/.test(name)),
  ).toEqual([]);
  const path = saved(archive);
  expect((await rowsIn(path, "app.customers")).map(({ name }) => name)).toEqual([odd]);
  const [admin] = await rowsIn(path, "app.users");
  expect(admin?.password_hash).toMatch(/^\$argon2id\$/);
  expect(manifest.tables.flatMap(({ columns }) => columns.map(({ name }) => name))).not.toContain("tenant_id");
  expect(archive.includes(other.id)).toBe(false);
});

test("is the same, digest by digest, until something changes", async () => {
  const tenant = await server.provision();
  const read = async () => digestsOf(await manifestOf(await archiveOf(server, tenant.id)));
  const first = await read();
  expect(await read()).toEqual(first);
  await addCustomer(tenant.id, "New");
  const changed = Object.entries(await read()).filter(([name, digest]) => first[name] !== digest);
  expect(changed.map(([name]) => name).sort()).toEqual(["app.audit_details", "app.customers", "app.usage_counters"]);
});

test("of several tenants come in one answer, each on record; nothing leaves where one of them is not there", async () => {
  const tenants = [await server.provision(), await server.provision(), await server.provision()];
  const ids = tenants.map(({ id }) => id);
  const path = (of: readonly string[]) => `/api/admin/archives?tenants=${of.join(",")}`;
  const whole: string[] = [];
  let archive: Buffer[] = [];
  for await (const event of readSeveral(Readable.from([await downloadArchive(server, path(ids))]))) {
    if (event.kind === "begin") archive = [];
    else if (event.kind === "data") archive.push(event.bytes);
    else if (event.whole) whole.push((await manifestOf(Buffer.concat(archive))).tenant?.id ?? "");
  }
  expect(whole).toEqual(ids);
  for (const id of ids) expect(await auditOf(id, "backup")).toHaveLength(1);
  const absent = await server.request("GET", path([...ids, randomUUID()]), { token: operator });
  expect([absent.status, absent.body.code]).toEqual([404, "tenant_not_found"]);
  for (const id of ids) expect(await auditOf(id, "backup")).toHaveLength(1);
});

test("holds what the log has of months that nobody expected, in a group too", async () => {
  const tenants = [await server.provision(), await server.provision()];
  const moments = ["1999-12-31 23:59:59.999+00", "2031-06-01 00:00:00+00", "9999-12-31 12:00:00+00"];
  for (const { id } of tenants)
    for (const at of moments)
      await server.asOwner(
        `insert into app.audit_log
         select (jsonb_populate_record(null::app.audit_log, to_jsonb(a) || jsonb_build_object('at', $2::text, 'id', gen_random_uuid()))).*
         from app.audit_log a where tenant_id = $1 order by a.at limit 1`,
        [id, at],
      );
  const logged = async (archive: Buffer) => (await rowsIn(saved(archive), "app.audit_log")).map(({ at }) => at);
  for (const { id } of tenants) {
    const kept = await logged(await archiveOf(server, id));
    const [{ count } = { count: 0 }] = await server.asOwner(
      "select count(*)::int as count from app.audit_log where tenant_id = $1",
      [id],
    );
    expect(kept).toHaveLength(count);
    expect(kept).toEqual(expect.arrayContaining(moments));
  }
  const path = `/api/admin/archives?tenants=${tenants.map(({ id }) => id).join(",")}`;
  let archive: Buffer[] = [];
  for await (const event of readSeveral(Readable.from([await downloadArchive(server, path)]))) {
    if (event.kind === "begin") archive = [];
    else if (event.kind === "data") archive.push(event.bytes);
    else expect(await logged(Buffer.concat(archive))).toEqual(expect.arrayContaining(moments));
  }
});

test("is made after a table of before was dropped", async () => {
  const tenant = await server.provision();
  await server.asOwner(
    "create table app.dropped_later (tenant_id uuid not null, id uuid not null, primary key (tenant_id, id))",
  );
  await server.asOwner("select tenancy.protect('app.dropped_later')");
  const names = async () => (await manifestOf(await archiveOf(server, tenant.id))).tables.map(({ name }) => name);
  expect(await names()).toContain("app.dropped_later");
  await server.asOwner("drop table app.dropped_later");
  expect(await names()).not.toContain("app.dropped_later");
});

test("is on record before it leaves", async () => {
  const tenant = await server.provision();
  await archiveOf(server, tenant.id);
  expect(await auditOf(tenant.id, "backup")).toEqual([{ actor_name: server.operator.email }]);
});

test("names the token it was made with", async () => {
  const tenant = await server.provision();
  const made = await server.request("POST", "/api/admin/tokens", {
    token: operator,
    body: { name: "cron of backup1", scopes: ["backups:read"] },
  });
  expect(made.status).toBe(201);
  const reply = await server.request("GET", `/api/admin/tenants/${tenant.id}/archive`, { token: made.body.token });
  expect(reply.status).toBe(200);
  expect(await auditOf(tenant.id, "backup")).toEqual([{ actor_name: "cron of backup1" }]);
});

test("is made of suspended, cancelled and soft-deleted tenants too, and of none that is gone", async () => {
  for (const step of ["suspend", "cancel"]) {
    const tenant = await server.provision();
    await server.request("POST", `/api/admin/tenants/${tenant.id}/${step}`, { token: operator });
    expect((await manifestOf(await archiveOf(server, tenant.id))).tenant?.id).toBe(tenant.id);
  }
  const tenant = await server.provision();
  await server.request("POST", `/api/admin/tenants/${tenant.id}/delete`, { token: operator, body: {} });
  expect((await manifestOf(await archiveOf(server, tenant.slug))).tenant).toMatchObject({ status: "deleted" });
  await server.request("POST", `/api/admin/tenants/${tenant.id}/delete`, {
    token: operator,
    body: { hardDelete: true },
  });
  const gone = await until("the deletion to end", async () => {
    const reply = await server.request("GET", `/api/admin/tenants/${tenant.id}/archive`, { token: operator });
    return reply.body.code === "tenant_busy" ? undefined : reply;
  });
  expect([gone.status, gone.body.code]).toEqual([404, "tenant_not_found"]);
});

test("follows the schema: a table adopted or a column added meanwhile is in the next one", async () => {
  const tenant = await server.provision();
  await archiveOf(server, tenant.id);
  await server.asOwner(`create table app.notes (tenant_id uuid not null, id text not null, primary key (tenant_id, id));
    select tenancy.protect('app.notes')`);
  const first = await manifestOf(await archiveOf(server, tenant.id));
  expect(first.tables.find(({ name }) => name === "app.notes")?.columns.map(({ name }) => name)).toEqual(["id"]);
  await server.asOwner("alter table app.notes add column body text");
  const second = await manifestOf(await archiveOf(server, tenant.id));
  expect(second.tables.find(({ name }) => name === "app.notes")?.columns.map(({ name }) => name)).toEqual([
    "id",
    "body",
  ]);
  await server.asOwner("create table app.nobodys (id int primary key)");
  await server.asOwner("alter table app.notes add column more text");
  const refused = await server.request("GET", `/api/admin/tenants/${tenant.id}/archive`, { token: operator });
  expect([refused.status, refused.body.code]).toEqual([409, "transition_forbidden"]);
  expect(refused.body.detail).toContain("app.nobodys");
  await server.asOwner("drop table app.nobodys, app.notes");
});

test("follows a column's type, however often the table was read before", async () => {
  const tenant = await server.provision();
  await server.asOwner(`create table app.marks (tenant_id uuid not null, id text not null, at date, primary key (tenant_id, id));
    select tenancy.protect('app.marks')`);
  await server.asOwner("insert into app.marks values ($1, E'tab\\t', '2026-02-03'), ($1, 'none', null)", [tenant.id]);
  const read = async () => rowsIn(saved(await archiveOf(server, tenant.id)), "app.marks");
  const rows = (at: string) => [
    { id: "none", at: null },
    { id: "tab\t", at },
  ];
  // Several times: from then on its statement is a prepared one.
  for (let times = 0; times < 5; times += 1) expect(await read()).toEqual(rows("2026-02-03"));
  await server.asOwner("alter table app.marks alter column at type timestamptz using at at time zone 'UTC'");
  for (let times = 0; times < 5; times += 1) expect(await read()).toEqual(rows("2026-02-03 00:00:00+00"));
  await server.asOwner("drop table app.marks");
});

test("sees one moment: money that moves between rows all the while is neither lost nor doubled", async () => {
  const tenant = await server.provision();
  const rows = 20_000;
  await server.asOwner(
    `insert into app.customers (tenant_id, id, name, balance_minor, notes)
     select $1, gen_random_uuid(), 'c' || n, 1000, repeat('x', 2000) from generate_series(1, ${rows}) n`,
    [tenant.id],
  );
  let moving = true;
  let moved = 0;
  const mover = (async () => {
    while (moving) {
      await server.asOwner(
        `with pair as (select id, row_number() over () as place from (
           select id from app.customers where tenant_id = $1 order by random() limit 2) two)
         update app.customers c set balance_minor = balance_minor + case when place = 1 then 7 else -7 end
         from pair where c.tenant_id = $1 and c.id = pair.id`,
        [tenant.id],
      );
      moved += 1;
    }
  })();
  try {
    for (let round = 0; round < 3; round += 1) {
      const customers = await rowsIn(saved(await archiveOf(server, tenant.id)), "app.customers");
      expect(customers).toHaveLength(rows);
      expect(customers.reduce((sum, { balance_minor }) => sum + Number(balance_minor), 0)).toBe(rows * 1000);
    }
  } finally {
    moving = false;
    await mover;
  }
  expect(moved).toBeGreaterThan(0);
});

test("breaks off, and never looks whole, when the database goes away", async () => {
  const tenant = await server.provision();
  await server.asOwner(
    `insert into app.customers (tenant_id, id, name, notes)
     select $1, gen_random_uuid(), 'c', (select string_agg(md5(random()::text || k || n), '') from generate_series(1, 300) k)
     from generate_series(1, 8000) n`,
    [tenant.id],
  );
  const response = await fetch(new URL(`/api/admin/tenants/${tenant.id}/archive`, server.url), {
    headers: { authorization: `Bearer ${operator}` },
  });
  const reader = response.body?.getReader();
  await reader?.read();
  const killed = await withClient(server.database.cluster.adminUrl, (client) =>
    client.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'tenantctl tenantStream' and datname = $1 and state = 'active'",
      [server.database.name],
    ),
  );
  expect(killed.rowCount).toBe(1);
  const readRest = async () => {
    while (!(await reader?.read())?.done);
  };
  await expect(readRest()).rejects.toThrow();
  // The next one works.
  await manifestOf(await archiveOf(server, tenant.id));
});

test("lets go of its snapshot when the reader goes away", async () => {
  const tenant = await server.provision();
  await server.asOwner(
    `insert into app.customers (tenant_id, id, name, notes)
     select $1, gen_random_uuid(), 'c', (select string_agg(md5(random()::text || k || n), '') from generate_series(1, 300) k)
     from generate_series(1, 3000) n`,
    [tenant.id],
  );
  for (let round = 0; round < 20; round += 1) {
    const leave = new AbortController();
    const response = await fetch(new URL(`/api/admin/tenants/${tenant.id}/archive`, server.url), {
      headers: { authorization: `Bearer ${operator}` },
      signal: leave.signal,
    });
    await response.body?.getReader().read();
    leave.abort();
  }
  // More than there are connections and turns: all of them came back.
  await manifestOf(await archiveOf(server, tenant.id));
});

test("of the system holds operators, plans, tenants and the whole log, but no session and no token", async () => {
  const tenant = await server.provision();
  const archive = await downloadArchive(server, "/api/admin/system/archive");
  const manifest = await manifestOf(archive);
  expect(manifest.tenant).toBeNull();
  const path = saved(archive);
  expect((await rowsIn(path, "app.operators")).map(({ email }) => email)).toContain(server.operator.email);
  expect((await rowsIn(path, "app.tenants")).map(({ id }) => id)).toContain(tenant.id);
  expect((await rowsIn(path, "app.plans")).map(({ name }) => name)).toEqual(["basic", "enterprise", "pro"]);
  expect((await rowsIn(path, "app.audit_log")).map(({ tenant_id }) => tenant_id)).toContain(tenant.id);
  expect(await rowsIn(path, "app.users")).toEqual([]);
  expect(
    manifest.tables.map(({ name }) => name).filter((name) => /session|token|reset|throttle|known/.test(name)),
  ).toEqual([]);
});

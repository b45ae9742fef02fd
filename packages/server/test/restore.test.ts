import { randomUUID } from "node:crypto";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stateDigest } from "@tenantctl/archive";
import { afterAll, beforeAll, expect, test } from "vitest";
import { endInterruptedRestores } from "../src/restores/end-interrupted-restores.ts";
import { archiveOf, digestsOf, downloadArchive, manifestOf, upload } from "./fixture/archives.ts";
import { checkAnswer } from "./fixture/contract-answer.ts";
import { countUse } from "./fixture/count-use.ts";
import { type Provisioned, startTestServer, type TestServer } from "./fixture/server.ts";

let server: TestServer;
let operator: string;
const dataDir = mkdtempSync(join(tmpdir(), "tenantctl-data-"));

beforeAll(async () => {
  server = await startTestServer({ settings: { dataDir } });
  operator = await server.operatorToken();
  await server.asOwner(`create schema shop;
    create table shop.parts (tenant_id uuid not null, id bigserial, parent bigint, name text, primary key (tenant_id, id));
    select tenancy.protect('shop.parts');
    alter table shop.parts add constraint parts_parent foreign key (tenant_id, parent) references shop.parts (tenant_id, id) deferrable;
    create table shop.a (tenant_id uuid not null, id text not null, b text, primary key (tenant_id, id));
    create table shop.b (tenant_id uuid not null, id text not null, a text, primary key (tenant_id, id));
    select tenancy.protect('shop.a'), tenancy.protect('shop.b');
    alter table shop.a add constraint a_b foreign key (tenant_id, b) references shop.b (tenant_id, id) deferrable;
    alter table shop.b add constraint b_a foreign key (tenant_id, a) references shop.a (tenant_id, id) deferrable;
    create table shop.sole (tenant_id uuid not null primary key);
    select tenancy.protect('shop.sole')`);
});
afterAll(async () => {
  await server?.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

/** A tenant with rows in every kind of table. */
const furnished = async (): Promise<Provisioned> => {
  const tenant = await server.provision();
  const id = [tenant.id];
  await server.asOwner(
    `insert into app.customers (tenant_id, id, name, notes, balance_minor)
     select $1, gen_random_uuid(), 'Customer ' || n, case when n % 3 = 0 then null when n % 3 = 1 then '' else E'a\\tb\\\\N\\n' end, n
     from generate_series(1, 1234) n`,
    id,
  );
  await countUse(server, tenant.id);
  // Children come before their parents in the order of the key.
  await server.asOwner(
    `insert into shop.parts (tenant_id, id, parent, name) select $1, n, nullif(n + 1, 901), 'p' from generate_series(1, 900) n`,
    id,
  );
  await server.asOwner(
    `with a as (insert into shop.a select $1::uuid, x from unnest('{ä,Z,a,_,É}'::text[]) x returning *),
       b as (insert into shop.b select $1::uuid, x from unnest('{1,2,3}'::text[]) x returning *) select from a, b`,
    id,
  );
  await server.asOwner("update shop.a set b = '2' where tenant_id = $1", id);
  await server.asOwner("update shop.b set a = 'Z' where tenant_id = $1", id);
  await server.asOwner("insert into shop.sole values ($1)", id);
  return tenant;
};

const restore = async (archive: Buffer, query: string) => {
  const reply = await upload(server, `/api/admin/restores?${query}`, archive);
  if (reply.status === 200) checkAnswer("restores.create", 200, reply.body);
  return reply;
};

const stateOf = async (tenant: string) => digestsOf(await manifestOf(await archiveOf(server, tenant)));

/** Everything that is not this tenant's, as one digest per table. */
const restOf = async (tenantId: string): Promise<Record<string, string>> => {
  const tables = await server.asOwner<{ name: string; class: string }>(
    // Counts of requests and of accesses are written when their time has come, whoever's they are.
    "select table_name::text as name, class from tenancy.table_classes where class in ('protected', 'retained', 'registry') and table_name <> all ('{app.usage_minutes,app.usage_days,app.access_log}'::regclass[])",
  );
  const digests: Record<string, string> = {};
  for (const { name, class: kind } of tables) {
    const column = kind === "registry" ? "id" : "tenant_id";
    const where = `where ${column} <> $1 and ${column} <> '00000000-0000-7000-8000-000000000000'`;
    const [row] = await server.asOwner(
      `select md5(string_agg(t::text, '|' order by t::text)) as digest from ${name} t ${where}`,
      [tenantId],
    );
    digests[name] = row?.digest;
  }
  return digests;
};

const addCustomer = (tenantId: string) =>
  server.request("POST", `/api/customers?tenantId=${tenantId}`, { token: operator, body: { name: "Later" } });

const remove = (tenantId: string, body: object) =>
  server.request("POST", `/api/admin/tenants/${tenantId}/delete`, { token: operator, body });

test("makes a copy beside the original: equal, suspended until reactivated, proven by digests", async () => {
  const tenant = await furnished();
  const archive = await archiveOf(server, tenant.id);
  const manifest = await manifestOf(archive);
  const before = await restOf(randomUUID());
  const slug = `copy-${tenant.slug}`;
  const { status, body } = await restore(archive, `mode=new&slug=${slug}`);
  expect([status, body.status, body.error]).toEqual([200, "succeeded", null]);
  const { tenantId, tables } = body.result;
  expect(await restOf(tenantId)).toEqual(before);
  expect(body.result.slug).toBe(slug);
  expect(tables["app.customers"]).toMatchObject({ rows: 1234, equal: true });
  expect(tables["shop.parts"]).toMatchObject({ rows: 900, equal: true });
  expect(tables["shop.sole"]).toMatchObject({ rows: 1, equal: true });
  expect(
    Object.fromEntries(Object.entries(tables).map(([name, proof]) => [name, (proof as { digest: string }).digest])),
  ).toEqual(digestsOf(manifest));
  expect(await stateOf(tenantId)).toEqual(digestsOf(manifest));
  expect(await stateOf(tenant.id)).toEqual(digestsOf(manifest));
  const copy = await server.request("GET", `/api/admin/tenants/${slug}`, { token: operator });
  expect(copy.body).toMatchObject({ id: tenantId, status: "suspended", plan: "enterprise" });
  expect(copy.body.statusReason).toContain(`restored copy of ${tenant.slug}`);
  const admin = { ...tenant.admin, tenant: slug };
  expect((await server.request("POST", "/api/auth/login", { body: admin })).status).toBe(403);
  await server.request("POST", `/api/admin/tenants/${slug}/reactivate`, { token: operator });
  await server.login(admin);
  const audit = await server.asOwner(
    "select action, detail from app.audit_log where tenant_id = $1 and action = 'restore'",
    [tenantId],
  );
  expect(audit).toHaveLength(1);
  expect(audit[0]?.detail).toContain("app.customers 1234");
  expect(readdirSync(join(dataDir, "uploads"))).toEqual([]);
});

test("replaces a tenant in place, and nobody else: what was made since is gone, what was lost is back", async () => {
  const tenant = await furnished();
  const archive = await archiveOf(server, tenant.id);
  const saved = digestsOf(await manifestOf(archive));
  await addCustomer(tenant.id);
  await server.asOwner("delete from shop.parts where tenant_id = $1 and id < 100", [tenant.id]);
  await server.asOwner("update app.customers set name = 'overwritten' where tenant_id = $1 and balance_minor < 50", [
    tenant.id,
  ]);
  const others = await restOf(tenant.id);
  const { status, body } = await restore(archive, `mode=in-place&confirm=${tenant.slug}`);
  expect([status, body.status]).toEqual([200, "succeeded"]);
  expect(await stateOf(tenant.id)).toEqual(saved);
  expect(await restOf(tenant.id)).toEqual(others);
  // Its sessions have ended, and it is open again.
  expect((await server.request("GET", "/api/customers", { token: tenant.token })).status).toBe(401);
  await server.login(tenant.admin);
  expect((await addCustomer(tenant.id)).status).toBe(201);
});

test("replaces nothing of a tenant under a legal hold, but says what it would change", async () => {
  const tenant = await furnished();
  const archive = await archiveOf(server, tenant.id);
  await addCustomer(tenant.id);
  const token = await server.operatorToken();
  const hold = (method: string, body?: object) =>
    server.request(method, `/api/admin/tenants/${tenant.slug}/hold`, { token, body });
  await hold("PUT", { reason: "case 7" });
  const before = await stateOf(tenant.id);
  const refused = await restore(archive, `mode=in-place&confirm=${tenant.slug}`);
  expect([refused.status, refused.body.code]).toEqual([409, "legal_hold"]);
  expect(refused.body.detail).toContain("case 7");
  expect(await stateOf(tenant.id)).toEqual(before);
  expect((await restore(archive, `mode=in-place&confirm=${tenant.slug}&dryRun=true`)).status).toBe(200);
  await hold("DELETE");
  expect((await restore(archive, `mode=in-place&confirm=${tenant.slug}`)).status).toBe(200);
});

test("shows what a restore in place would change, and changes nothing", async () => {
  const tenant = await furnished();
  const archive = await archiveOf(server, tenant.id);
  await server.asOwner("delete from shop.parts where tenant_id = $1 and id < 10", [tenant.id]);
  await server.asOwner("insert into shop.a select $1, 'new ' || n from generate_series(1, 7) n", [tenant.id]);
  await server.asOwner("update app.customers set name = 'other' where tenant_id = $1 and balance_minor <= 5", [
    tenant.id,
  ]);
  const before = await stateOf(tenant.id);
  const { status, body } = await restore(archive, `mode=in-place&confirm=${tenant.slug}&dryRun=true`);
  expect(status).toBe(200);
  expect(body.result.tables).toMatchObject({
    "app.customers": { added: 0, removed: 0, changed: 5, same: 1229 },
    "shop.parts": { added: 9, removed: 0, changed: 0, same: 891 },
    "shop.a": { added: 0, removed: 7, changed: 0, same: 5 },
    "shop.sole": { added: 0, removed: 0, changed: 0, same: 1 },
    "app.users": { added: 0, removed: 0, changed: 0, same: 1 },
  });
  expect(await stateOf(tenant.id)).toEqual(before);
  expect((await server.request("GET", `/api/admin/operations/${body.id}`, { token: operator })).status).toBe(404);
});

test("replaces only the very state that was backed up, where it is told which", async () => {
  const tenant = await furnished();
  const archive = await archiveOf(server, tenant.id);
  const manifest = await manifestOf(archive);
  const present = stateDigest(manifest.tables.filter(({ evidence }) => evidence !== true));
  await addCustomer(tenant.id);
  const changed = await stateOf(tenant.id);
  const query = `mode=in-place&confirm=${tenant.slug}&present=${present}`;
  const refused = await restore(archive, query);
  expect([refused.status, refused.body.code]).toEqual([409, "edit_conflict"]);
  expect(await stateOf(tenant.id)).toEqual(changed);
  expect((await addCustomer(tenant.id)).status).toBe(201);
  await restore(archive, `mode=in-place&confirm=${tenant.slug}`);
  expect((await restore(archive, query)).status).toBe(200);
});

test("brings a purged tenant back under its old id, suspended, under another slug where its own is taken", async () => {
  const tenant = await furnished();
  const archive = await archiveOf(server, tenant.id);
  const there = await restore(archive, "mode=original");
  expect([there.status, there.body.code]).toEqual([409, "transition_forbidden"]);
  await remove(tenant.id, { hardDelete: true, force: true });
  const others = await restOf(tenant.id);
  const { status, body } = await restore(archive, "mode=original");
  expect([status, body.result?.tenantId]).toEqual([200, tenant.id]);
  expect(await stateOf(tenant.id)).toEqual(digestsOf(await manifestOf(archive)));
  expect(await restOf(tenant.id)).toEqual(others);
  const back = await server.request("GET", `/api/admin/tenants/${tenant.slug}`, { token: operator });
  expect(back.body).toMatchObject({
    id: tenant.id,
    status: "suspended",
    name: `Tenant ${tenant.slug}`,
    deletedAt: null,
  });
  await server.request("POST", `/api/admin/tenants/${tenant.slug}/reactivate`, { token: operator });
  await server.login(tenant.admin);
  await remove(tenant.id, { hardDelete: true, force: true });
  await server.provision({ slug: tenant.slug });
  const taken = await restore(archive, "mode=original");
  expect([taken.status, taken.body.code]).toEqual([409, "slug_taken"]);
  const other = await restore(archive, `mode=original&slug=${tenant.slug}-old`);
  expect([other.status, other.body.result?.tenantId]).toEqual([200, tenant.id]);
});

test("moves sequences up, never down", async () => {
  const tenant = await server.provision();
  await server.asOwner("select setval('shop.parts_id_seq', 5000)");
  await server.asOwner("insert into shop.parts (tenant_id, id) values ($1, 70000)", [tenant.id]);
  const high = await archiveOf(server, tenant.id);
  await restore(high, `mode=new&slug=high-${tenant.slug}`);
  const next = async () => Number((await server.asOwner("select nextval('shop.parts_id_seq') as n"))[0]?.n);
  expect(await next()).toBe(70001);
  await server.asOwner("update shop.parts set id = 12 where tenant_id = $1", [tenant.id]);
  await restore(await archiveOf(server, tenant.id), `mode=new&slug=low-${tenant.slug}`);
  expect(await next()).toBe(70002);
});

test("refuses what cannot be meant, before it reads the document", async () => {
  const tenant = await server.provision();
  const archive = await archiveOf(server, tenant.id);
  const other = await server.provision();
  for (const [query, code] of [
    ["mode=new", "invalid_request"],
    ["mode=new&slug=system", "invalid_request"],
    [`mode=new&slug=${other.slug}`, "slug_taken"],
    ["mode=in-place", "invalid_request"],
    [`mode=in-place&confirm=${other.slug}`, "invalid_request"],
    [`mode=in-place&tenant=${other.id}&confirm=${other.slug}`, "archive_unsupported"],
    [`mode=in-place&tenant=nobody&confirm=nobody`, "tenant_not_found"],
  ] as const) {
    expect([query, (await restore(archive, query)).body.code]).toEqual([query, code]);
  }
});

test("writes nothing from an archive with one byte changed, cut, or of the system", async () => {
  const tenant = await furnished();
  const archive = await archiveOf(server, tenant.id);
  const count = async () => (await server.asOwner("select count(*)::int as n from app.tenants"))[0]?.n;
  const before = await count();
  const operations = await server.asOwner("select count(*)::int as n from app.operations");
  const bad: Buffer[] = [Buffer.alloc(0), Buffer.from("not an archive"), archive.subarray(0, 700)];
  for (let at = 600; at < archive.length; at += Math.ceil(archive.length / 25)) {
    const flipped = Buffer.from(archive);
    flipped[at] = (flipped[at] ?? 0) ^ 1;
    bad.push(flipped, archive.subarray(0, at));
  }
  let refused = 0;
  for (const [index, document] of bad.entries()) {
    const { status, body } = await restore(document, `mode=new&slug=bad-${index}-${tenant.slug}`);
    if (status === 200) continue; // padding between files carries nothing
    expect([status, body.code]).toEqual([422, "archive_invalid"]);
    refused += 1;
  }
  expect(refused).toBeGreaterThan(bad.length - 5);
  const system = await downloadArchive(server, "/api/admin/system/archive");
  expect((await restore(system, "mode=new&slug=of-system")).body.code).toBe("archive_unsupported");
  expect(await count()).toBe(before + (bad.length - refused));
  if (refused === bad.length)
    expect(await server.asOwner("select count(*)::int as n from app.operations")).toEqual(operations);
  expect(readdirSync(join(dataDir, "uploads"))).toEqual([]);
});

test("takes older tables whose new columns are optional, and no others", async () => {
  const tenant = await furnished();
  const archive = await archiveOf(server, tenant.id);
  const attempt = async (name: string) => (await restore(archive, `mode=new&slug=${name}-${tenant.slug}`)).body;
  await server.asOwner("alter table shop.a add column note text, add column kind text not null default 'x'");
  expect((await attempt("added")).status).toBe("succeeded");
  await server.asOwner("alter table shop.a add column needed text not null default 'x'");
  await server.asOwner("alter table shop.a alter column needed drop default");
  expect(await attempt("needed")).toMatchObject({
    code: "archive_unsupported",
    detail: expect.stringContaining('"needed"'),
  });
  await server.asOwner("alter table shop.a drop column needed, alter column b type varchar(10)");
  expect(await attempt("retyped")).toMatchObject({
    code: "archive_unsupported",
    detail: expect.stringContaining('"b"'),
  });
  await server.asOwner("alter table shop.a alter column b type text");
  await server.asOwner("insert into tenancy.migrations (name, origin, sha256) values ('9999_later.sql', 'test', '')");
  const newer = await archiveOf(server, tenant.id);
  await server.asOwner("delete from tenancy.migrations where name = '9999_later.sql'");
  const refused = (await restore(newer, `mode=new&slug=newer-${tenant.slug}`)).body;
  expect(refused).toMatchObject({ code: "archive_unsupported", detail: expect.stringContaining("9999_later.sql") });
  await server.asOwner("alter table shop.a drop column note, drop column kind");
});

test("holds a copy to its plan", async () => {
  const tenant = await server.provision();
  await server.asOwner(
    "insert into app.customers (tenant_id, id, name) select $1, gen_random_uuid(), 'c' from generate_series(1, 1001)",
    [tenant.id],
  );
  await server.asOwner("update app.tenants set plan = 'basic' where id = $1", [tenant.id]);
  const archive = await archiveOf(server, tenant.id);
  const { status, body } = await restore(archive, `mode=new&slug=much-${tenant.slug}`);
  expect([status, body.code]).toEqual([409, "quota_exceeded"]);
  expect(await server.asOwner("select from app.tenants where slug = $1", [`much-${tenant.slug}`])).toEqual([]);
});

test("counts what quotas count from what it wrote, whatever the archive says", async () => {
  const tenant = await furnished();
  const used = async (id: string) =>
    server.asOwner<{ resource: string; used: string }>(
      "select resource, used from app.usage_counters where tenant_id = $1 order by resource",
      [id],
    );
  const right = await used(tenant.id);
  expect(right).toMatchObject([{ used: "1234" }, { resource: "storage_bytes" }, { used: "1" }]);
  expect(Number(right[1]?.used)).toBeGreaterThan(1234 * 40);
  for (const wrong of ["update app.usage_counters set used = used + 7", "delete from app.usage_counters"]) {
    await server.asOwner(`${wrong} where tenant_id = $1`, [tenant.id]);
    const archive = await archiveOf(server, tenant.id);
    const copy = await restore(archive, `mode=new&slug=counted-${randomUUID().slice(0, 8)}`);
    expect(copy.status, copy.text).toBe(200);
    expect(await used(copy.body.result.tenantId)).toEqual(right);
    expect((await restore(archive, `mode=in-place&confirm=${tenant.slug}`)).status).toBe(200);
    expect(await used(tenant.id)).toEqual(right);
  }
  await server.asOwner("update app.usage_counters set used = 0 where tenant_id = $1", [tenant.id]);
  const light = await archiveOf(server, tenant.id);
  await server.asOwner("update app.plans set storage_bytes_limit = $1 where name = 'enterprise'", [
    Number(right[1]?.used) - 1,
  ]);
  const refused = await restore(light, `mode=new&slug=heavy-${tenant.slug}`);
  await server.asOwner("update app.plans set storage_bytes_limit = null where name = 'enterprise'");
  expect([refused.status, refused.body.code]).toEqual([409, "quota_exceeded"]);
  expect(refused.body.detail).toContain("storage bytes");
});

test("keeps what a tenant was when the restore fails, and says so", async () => {
  const tenant = await furnished();
  const archive = await archiveOf(server, tenant.id);
  await addCustomer(tenant.id);
  const before = await stateOf(tenant.id);
  await server.asOwner("alter table shop.parts add constraint parts_small check (id < 500) not valid");
  const { status, body } = await restore(archive, `mode=in-place&confirm=${tenant.slug}`);
  await server.asOwner("alter table shop.parts drop constraint parts_small");
  expect([status, body.code]).toEqual([422, "archive_unsupported"]);
  expect(body.detail).toContain("parts_small");
  expect(await stateOf(tenant.id)).toEqual(before);
  expect((await addCustomer(tenant.id)).status).toBe(201);
  const [operation] = (await server.request("GET", `/api/admin/operations?tenantId=${tenant.id}`, { token: operator }))
    .body;
  expect(operation).toMatchObject({ kind: "restore", status: "failed", errorCode: "archive_unsupported" });
  await server.login(tenant.admin);
});

test("lets go of a tenant whose restore died with its process", async () => {
  const tenant = await server.provision();
  const id = randomUUID();
  await server.asOwner(
    `insert into app.operations (id, kind, tenant_id, tenant_slug, status, requested_by, heartbeat_at)
     values ($1, 'restore', $2, $3, 'running', '{"actor": {"type": "operator", "id": null, "name": "x"}, "address": null, "requestId": null}', now() - interval '1 hour')`,
    [id, tenant.id, tenant.slug],
  );
  await server.asOwner(
    "update app.tenants set hold = jsonb_build_object('kind', 'restore', 'operationId', $1::text, 'before', null) where id = $2",
    [id, tenant.id],
  );
  expect((await addCustomer(tenant.id)).status).toBe(503);
  await endInterruptedRestores(server.app);
  expect((await addCustomer(tenant.id)).status).toBe(201);
  const { body } = await server.request("GET", `/api/admin/operations/${id}`, { token: operator });
  expect(body).toMatchObject({ status: "failed" });
});

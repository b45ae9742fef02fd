import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { withClient } from "../../database/test/harness/database.ts";
import { archiveOf, digestsOf, manifestOf, upload } from "./fixture/archives.ts";
import { countUse } from "./fixture/count-use.ts";
import { startTestServer, type TestServer } from "./fixture/server.ts";
import { until } from "./fixture/until.ts";

let server: TestServer;
const dataDir = mkdtempSync(join(tmpdir(), "tenantctl-faults-"));

/** A column of every type that an adopter may have, with values at its edges, as PostgreSQL's own text. */
const text = fc.string({ unit: "binary", maxLength: 40 }).filter((value) => !value.includes("\0"));
const oneOf = (...values: string[]) => fc.constantFrom(...values);
const columns: Readonly<Record<string, { type: string; value: fc.Arbitrary<string> }>> = {
  t: { type: "text", value: fc.oneof(text, oneOf("", "\\N", "\\.", "NULL", "\t\n\r\\", "a\u2028b", "💥")) },
  v: { type: "varchar(60)", value: text },
  c: { type: "char(6)", value: oneOf("", "ab", "ab    ", "ü") },
  n: {
    type: "numeric",
    value: fc.oneof(
      oneOf("NaN", "Infinity", "-Infinity", "0.000", "-0", "1e-400", "1e400"),
      fc.integer().map((i) => `${i}.${Math.abs(i)}00`),
    ),
  },
  n2: { type: "numeric(20,5)", value: oneOf("1.5", "-0.00001", "99999999999999.99999") },
  f8: {
    type: "float8",
    value: fc.oneof(
      fc.double().map((d) => (Object.is(d, -0) ? "-0" : String(d))),
      oneOf("NaN", "Infinity", "-Infinity", "4.9e-324"),
    ),
  },
  f4: { type: "float4", value: oneOf("1.1", "-0", "NaN", "1e-45", "3.4028235e38") },
  i8: { type: "bigint", value: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String) },
  b: { type: "boolean", value: oneOf("t", "f") },
  by: {
    type: "bytea",
    value: fc.uint8Array({ maxLength: 30 }).map((bytes) => `\\x${Buffer.from(bytes).toString("hex")}`),
  },
  d: { type: "date", value: oneOf("infinity", "-infinity", "4714-11-24 BC", "5874897-12-31", "2020-02-29") },
  ts: {
    type: "timestamp",
    value: oneOf("infinity", "0044-03-15 12:00:00 BC", "294276-12-31 23:59:59.999999", "2020-01-01 00:00:00.000001"),
  },
  tz: { type: "timestamptz", value: oneOf("-infinity", "0001-12-31 23:59:59.999999+00 BC", "2020-06-01 00:00+05:45") },
  tt: { type: "timetz", value: oneOf("24:00:00-15:59", "00:00+00", "23:59:59.999999+14") },
  iv: {
    type: "interval",
    value: oneOf("0", "-1 year 2 mons -3 days 04:05:06.789", "178000000 years", "-00:00:00.000001", "1 mon -1 day"),
  },
  j: { type: "json", value: oneOf('{"a" :  1, "a": 2}', " null ", "1e400", '"\\u0041"', "[1 , 2]") },
  jb: {
    type: "jsonb",
    value: fc
      .json()
      .filter((value) => !value.includes("\\u0000") && !/e[+-]?\d{3}/i.test(value) && !/\\ud[89a-f]/i.test(value)),
  },
  ia: { type: "int[]", value: oneOf("{}", "{NULL,1}", "[0:1]={1,2}", "[-3:-2][5:6]={{1,2},{3,4}}") },
  ta: { type: "text[]", value: oneOf('{"",NULL,"NULL","a,b","\\"\\\\"}', "{}", "[2:2]={x}") },
  r: { type: "int4range", value: oneOf("empty", "[1,5)", "(,)", "[3,)") },
  mr: { type: "tstzmultirange", value: oneOf("{}", "{[2020-01-01 00:00:00+00,infinity)}") },
  u: { type: "uuid", value: fc.uuid() },
  ip: { type: "inet", value: oneOf("10.0.0.1", "10.1.2.3/8", "2001:db8::1/64") },
  mac: { type: "macaddr8", value: oneOf("08:00:2b:01:02:03:04:05") },
  x: { type: "xml", value: oneOf("<a/>", "", "text &amp; <b>more</b>") },
  bits: { type: "varbit", value: oneOf("", "10101") },
  fixed: { type: "bit(4)", value: oneOf("1010") },
  m: { type: "money", value: oneOf("-0.01", "92233720368547758.07") },
  e: { type: "zoo.mood", value: oneOf("sad", "very happy", "it's") },
  p: { type: "zoo.pair", value: oneOf('(1,"x,""y")', "(,)", '(,"")') },
  dm: { type: "zoo.code", value: oneOf("", "code") },
  pt: { type: "point", value: oneOf("(-0,1e-300)", "(Infinity,NaN)") },
  ts2: { type: "tsvector", value: oneOf("", "'a':1A,2 'b c'") },
  l: { type: "pg_lsn", value: oneOf("0/0", "FFFFFFFF/FFFFFFFF") },
  ch: { type: '"char"', value: oneOf("", "x") },
  o: { type: "oid", value: oneOf("4294967295", "0") },
};
const names = Object.keys(columns);
const row = fc.tuple(...Object.values(columns).map(({ value }) => fc.option(value, { freq: 6 })));

beforeAll(async () => {
  server = await startTestServer({ settings: { dataDir } });
  await server.asOwner(`create schema zoo;
    create type zoo.mood as enum ('sad', 'very happy', 'it''s');
    create type zoo.pair as (a int, b text);
    create domain zoo.code as text check (length(value) < 100);
    create table zoo.animals (tenant_id uuid not null, k1 text, k2 numeric, ${names.map((name) => `"${name}" ${columns[name]?.type}`).join(", ")},
      doubled bigint generated always as (length(t) * 2) stored, primary key (tenant_id, k1, k2));
    select tenancy.protect('zoo.animals')`);
});
afterAll(async () => {
  await server?.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

const insertAnimals = (tenantId: string, rows: readonly (readonly (string | null)[])[]) =>
  withClient(server.database.url, async (client) => {
    await client.query(`set role "${server.database.prefix}_owner"`);
    for (const [index, values] of rows.entries()) {
      const keys = ["äZa_É-"[index % 6] ?? "", `${index}.${"0".repeat(index % 3)}`];
      await client.query(
        `insert into zoo.animals (tenant_id, k1, k2, ${names.map((name) => `"${name}"`).join(", ")})
         values ($1, $2, $3, ${names.map((_, at) => `$${at + 4}`).join(", ")})`,
        [tenantId, ...keys, ...values],
      );
    }
  });

test("brings any row of any type back: archive, restore as new, archive again, the same digests", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(row, { minLength: 20, maxLength: 60 }), async (rows) => {
      const tenant = await server.provision();
      await insertAnimals(tenant.id, rows);
      const archive = await archiveOf(server, tenant.id);
      const slug = `copy-${tenant.slug}`;
      const { status, text: answer } = await upload(server, `/api/admin/restores?mode=new&slug=${slug}`, archive);
      if (status !== 200) throw new Error(answer);
      expect(digestsOf(await manifestOf(await archiveOf(server, slug)))).toEqual(digestsOf(await manifestOf(archive)));
    }),
    { numRuns: 8, endOnFailure: true },
  );
});

test("carries a text of 100 MB", async () => {
  const tenant = await server.provision();
  await server.asOwner(
    "insert into zoo.animals (tenant_id, k1, k2, t) select $1, 'big', 1, string_agg(md5(n::text), E'\\n') from generate_series(1, 3030303) n",
    [tenant.id],
  );
  const archive = await archiveOf(server, tenant.id);
  const slug = `big-${tenant.slug}`;
  const reply = await upload(server, `/api/admin/restores?mode=new&slug=${slug}`, archive);
  expect([reply.status, reply.text]).toEqual([
    expect.toSatisfy((status) => [200, 202].includes(status)),
    expect.anything(),
  ]);
  const token = await server.operatorToken();
  const operation = await until(
    "the restore ends",
    async () => {
      const { body } = await server.request("GET", `/api/admin/operations/${reply.body.id}`, { token });
      return body.status === "running" ? undefined : body;
    },
    120,
  );
  expect([operation.status, operation.error]).toEqual(["succeeded", null]);
  const [long] = await server.asOwner("select length(t) as n from zoo.animals where tenant_id = $1", [
    operation.tenantId,
  ]);
  expect(long?.n).toBe(3030303 * 33 - 1);
  const manifest = await manifestOf(archive);
  const { digest } = manifest.tables.find(({ name }) => name === "zoo.animals") ?? {};
  expect(operation.result.tables["zoo.animals"]).toEqual({ rows: 1, digest, equal: true });
}, 240_000);

test("leaves a tenant what it was when PostgreSQL drops the restore half way", async () => {
  const tenant = await server.provision();
  await server.asOwner(
    "insert into app.customers (tenant_id, id, name, notes) select $1, gen_random_uuid(), 'c' || n, repeat('x', 500) from generate_series(1, 30000) n",
    [tenant.id],
  );
  await countUse(server, tenant.id);
  const archive = await archiveOf(server, tenant.id);
  await server.asOwner("update app.customers set name = 'changed' where tenant_id = $1", [tenant.id]);
  const before = digestsOf(await manifestOf(await archiveOf(server, tenant.id)));
  const restoring = upload(server, `/api/admin/restores?mode=in-place&confirm=${tenant.slug}`, archive);
  await withClient(server.database.cluster.adminUrl, (client) =>
    until("the restore writes", async () => {
      const { rows } = await client.query(
        `select pg_terminate_backend(pid) from pg_stat_activity
         where datname = $1 and application_name = 'tenantctl operatorStream' and query like 'insert into app.customers%'`,
        [server.database.name],
      );
      return rows.length > 0;
    }),
  );
  // On a busy machine it has gone on as an operation by then.
  const { status, body } = await restoring;
  if (status !== 202) expect([status, body.code]).toEqual([503, "database_unavailable"]);
  const token = await server.operatorToken();
  const operation = await until("the operation is over", async () => {
    const [latest] = (await server.request("GET", `/api/admin/operations?tenantId=${tenant.id}`, { token })).body;
    return latest.status === "running" || latest.status === "queued" ? undefined : latest;
  });
  expect(operation).toMatchObject({ status: "failed", errorCode: "database_unavailable" });
  expect(digestsOf(await manifestOf(await archiveOf(server, tenant.id)))).toEqual(before);
  const written = await server.request("POST", `/api/customers?tenantId=${tenant.id}`, {
    token,
    body: { name: "Later" },
  });
  expect(written.status).toBe(201);
});

test("stops at the operator's word, and nothing was changed", async () => {
  const tenant = await server.provision();
  await server.asOwner(
    "insert into app.customers (tenant_id, id, name, notes) select $1, gen_random_uuid(), 'c' || n, repeat('x', 500) from generate_series(1, 30000) n",
    [tenant.id],
  );
  await countUse(server, tenant.id);
  const archive = await archiveOf(server, tenant.id);
  const before = digestsOf(await manifestOf(archive));
  const token = await server.operatorToken();
  const restoring = upload(server, `/api/admin/restores?mode=in-place&confirm=${tenant.slug}`, archive);
  const operation = await until("the restore is under way", async () => {
    const { body } = await server.request("GET", `/api/admin/operations?tenantId=${tenant.id}&status=running`, {
      token,
    });
    return body[0];
  });
  const cancelled = await server.request("POST", `/api/admin/operations/${operation.id}/cancel`, { token, body: {} });
  expect([cancelled.status, cancelled.body.status]).toEqual([200, "cancelled"]);
  expect((await restoring).body.code).toBe("operation_finished");
  expect(digestsOf(await manifestOf(await archiveOf(server, tenant.id)))).toEqual(before);
  const written = await server.request("POST", `/api/customers?tenantId=${tenant.id}`, {
    token,
    body: { name: "Later" },
  });
  expect(written.status).toBe(201);
});

test("says so when there is no room for the document, and leaves none of it behind", async ({ skip }) => {
  const disk = mkdtempSync(join(tmpdir(), "tenantctl-small-"));
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=2m", "tmpfs", disk], { stdio: "ignore" });
  } catch {
    rmSync(disk, { recursive: true, force: true });
    return skip("no tmpfs can be mounted here");
  }
  const small = await startTestServer({ settings: { dataDir: disk } });
  try {
    const tenant = await small.provision();
    await small.asOwner(
      "insert into app.customers (tenant_id, id, name, notes) select $1, gen_random_uuid(), 'c' || n, (select string_agg(md5(random()::text || k || n), '') from generate_series(1, 100) k) from generate_series(1, 2000) n",
      [tenant.id],
    );
    const archive = await archiveOf(small, tenant.id);
    const { status, body } = await upload(small, `/api/admin/restores?mode=new&slug=copy-${tenant.slug}`, archive);
    expect([status, body.code]).toEqual([503, "overloaded"]);
    expect(body.detail).toContain("no room");
    expect(readdirSync(join(disk, "uploads"))).toEqual([]);
    const fitting = await archiveOf(small, (await small.provision()).id);
    expect((await upload(small, `/api/admin/restores?mode=new&slug=fits-${tenant.slug}`, fitting)).status).toBe(200);
  } finally {
    await small.stop();
    execFileSync("umount", [disk]);
    rmSync(disk, { recursive: true, force: true });
  }
});

import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { withClient } from "../../database/test/harness/database.ts";
import { type Provisioned, startTestServer, type TestServer } from "./fixture/server.ts";

let server: TestServer;
let operator: string;

/** A table of somebody else's, adopted with one call. */
const adopted = `
  create schema shop;
  create type shop.mood as enum ('sad', 'very happy');
  create type shop.pair as (a int, b text);
  create domain shop.code as text check (length(value) < 100);
  create table shop."Odd, things" (
    tenant_id uuid not null, id int not null,
    t text, v varchar(20), c char(5), b boolean, i2 smallint, i4 int, i8 bigint, n numeric, f4 real, f8 double precision,
    money money, by bytea, d date, ti time, tz timetz, ts timestamp, tstz timestamptz, iv interval, j json, jb jsonb,
    e shop.mood, p shop.pair, dom shop.code, ia int[], ta text[], r int4range, mr tstzmultirange, u uuid, ip inet,
    x xml, bits varbit(10), "quoted ""name""" text, secret text, doubled int generated always as (i4 / 2) stored,
    primary key (tenant_id, id));
  select tenancy.protect('shop."Odd, things"', secret => '{secret}')`;

const columns = `t, v, c, b, i2, i4, i8, n, f4, f8, money, by, d, ti, tz, ts, tstz, iv, j, jb, e, p, dom, ia, ta, r, mr, u, ip, x, bits, "quoted ""name""", secret`;
const oddRows = [
  String.raw`'', '', '', true, -32768, 2147483647, 9223372036854775807, 'NaN', 'NaN', 'Infinity', '12.34', '\x00ff5c', 'infinity', '24:00',
    '23:59:59.999999+15:59', '0044-03-15 12:00 BC', '-infinity', '-1 year 2 mons -3 days 04:05:06.789', '{"a" :  1e400, "a": 2}', '{"n": 12345678901234567890.5}',
    'very happy', '(1,"x,""y")', 'dom', '{{1,NULL},{3,4}}', '{"a,b",NULL,"NULL",""}', 'empty', '{[2020-01-01,infinity)}',
    '01890000-0000-7000-8000-00000000beef', '10.0.0.1', '<a>&amp;</a>', '10101', 'x', 'do not leave'`,
  String.raw`E'a\n\t"\\''\u2028💥', 'ü', 'ab', false, 0, 0, 9007199254740993, '0.1000', '1.1', '0.1', '-0.01', '', '9999-12-31', '00:00:00.000001',
    '00:00+00', '2020-02-29 23:59:59.999999', '2020-01-01 00:00:00.000001+05:30', '0', 'null', 'null',
    'sad', '(,)', '', '{}', '{}', '[1,5)', '{}', null, '2001:db8::/32', '', '', '', 'nor this'`,
  Array(33).fill("null").join(", "),
];

beforeAll(async () => {
  server = await startTestServer();
  operator = await server.operatorToken();
  await withClient(server.database.url, async (client) => {
    await client.query(adopted);
    // Whatever a database's own settings are, an export reads the same.
    for (const [name, value] of Object.entries({
      datestyle: "SQL, DMY",
      timezone: "Asia/Kolkata",
      intervalstyle: "sql_standard",
      extra_float_digits: "-5",
      bytea_output: "escape",
    })) {
      await client.query(`alter database "${server.database.name}" set ${name} = '${value}'`);
    }
  });
});
afterAll(() => server?.stop());

const exportOf = (tenant: Provisioned) =>
  server.request("GET", `/api/tenants/export?tenantId=${tenant.id}`, { token: operator });

test("carries every type exactly", async () => {
  const tenant = await server.provision();
  await withClient(server.database.url, async (client) => {
    for (const [id, row] of oddRows.entries()) {
      await client.query(
        `insert into shop."Odd, things" (tenant_id, id, ${columns}) values ('${tenant.id}', ${id}, ${row})`,
      );
    }
  });
  const { body, text } = await exportOf(tenant);
  const rows: Record<string, unknown>[] = body.tables["shop.Odd, things"];
  const exact: string[] = body.exactText["shop.Odd, things"];
  expect(rows).toHaveLength(oddRows.length);
  expect(text).not.toMatch(/do not leave|nor this/);
  expect(exact).toEqual("i8 n f4 f8 money by d ti tz ts tstz iv j jb e p dom ia ta r mr ip x bits".split(" "));
  expect(rows[0]).toMatchObject({
    t: "",
    c: "     ",
    b: true,
    i2: -32768,
    i4: 2147483647,
    i8: "9223372036854775807",
    n: "NaN",
    f8: "Infinity",
    by: "\\x00ff5c",
    d: "infinity",
    ts: "0044-03-15 12:00:00 BC",
    tstz: "-infinity",
    j: '{"a" :  1e400, "a": 2}',
    p: '(1,"x,""y")',
    'quoted "name"': "x",
    doubled: 1073741823,
  });
  expect(rows[1]).toMatchObject({
    t: "a\n\t\"\\'\u2028💥",
    i8: "9007199254740993",
    n: "0.1000",
    f4: "1.1",
    f8: "0.1",
    u: null,
  });
  expect(Object.entries(rows[2] ?? {}).filter(([name, value]) => name !== "id" && value !== null)).toEqual([]);
  // Read back as its own type, every value is the one that is stored.
  await withClient(server.database.url, async (client) => {
    await client.query("set extra_float_digits = 1");
    const types = await client.query<{ attname: string; type: string }>(
      `select attname, format_type(atttypid, atttypmod) as type from pg_attribute
       where attrelid = 'shop."Odd, things"'::regclass and attname = any($1)`,
      [exact],
    );
    for (const { attname, type } of types.rows) {
      for (const row of rows) {
        const name = `"${attname}"`;
        const { rows: same } = await client.query(
          `select $1::text::${type}::text is not distinct from ${name}::text as same from shop."Odd, things" where tenant_id = $2 and id = $3`,
          [row[attname], tenant.id, row.id],
        );
        expect([attname, row[attname], same[0]?.same]).toEqual([attname, row[attname], true]);
      }
    }
  });
});

test("carries any text and any number", async () => {
  const tenant = await server.provision();
  const values = fc.sample(
    fc.tuple(
      fc.string({ unit: "binary", maxLength: 50 }).filter((text) => !text.includes("\0")),
      fc.double(),
      fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    ),
    300,
  );
  await withClient(server.database.url, async (client) => {
    for (const [id, [text, double, bigint]] of values.entries()) {
      await client.query(`insert into shop."Odd, things" (tenant_id, id, t, f8, i8) values ($1, $2, $3, $4, $5)`, [
        tenant.id,
        id,
        text,
        Object.is(double, -0) ? "-0" : double,
        bigint.toString(),
      ]);
    }
  });
  const { body } = await exportOf(tenant);
  const rows: { id: number; t: string; f8: string; i8: string }[] = body.tables["shop.Odd, things"];
  expect(rows.map(({ t, f8, i8 }) => [t, Number(f8), BigInt(i8)])).toEqual(values);
});

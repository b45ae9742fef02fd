import { afterAll, beforeAll, expect, test } from "vitest";
import { archiveOf, digestsOf, manifestOf, upload } from "./fixture/archives.ts";
import { countUse } from "./fixture/count-use.ts";
import { type Provisioned, startTestServer, type TestServer } from "./fixture/server.ts";

let server: TestServer;
let operator: string;

beforeAll(async () => {
  server = await startTestServer();
  operator = await server.operatorToken();
  await server.asOwner(`create schema shop;
      create table shop."Odd, things" (
        tenant_id uuid not null, id text not null, n numeric, f8 double precision, big bigint, by bytea, ts timestamptz, iv interval,
        j json, ia int[], b boolean, c char(5), half int generated always as (length(id) / 2) stored, hidden text, primary key (tenant_id, id));
      select tenancy.protect('shop."Odd, things"', secret => '{hidden}')`);
});
afterAll(() => server?.stop());

const type = "application/vnd.tenantctl.export+json";
const exportOf = async (tenant: Provisioned): Promise<string> =>
  (await server.request("GET", `/api/tenants/export?tenantId=${tenant.id}`, { token: operator })).text;
const importAs = (slug: string, document: string | Buffer, more = "") =>
  upload(server, `/api/admin/imports?slug=${slug}${more}`, document, type);

const furnished = async (): Promise<Provisioned> => {
  const tenant = await server.provision();
  await server.asOwner(
    String.raw`insert into shop."Odd, things" (tenant_id, id, n, f8, big, by, ts, iv, j, ia, b, c) values
      ($1, 'ä', 'NaN', '-0', 9223372036854775807, '\x00ff', '0044-03-15 12:00 BC', '-1 year 2 mons -3 days 04:05:06.789', '{"a" :  1e400, "a": 2}', '[2:3]={1,NULL}', true, 'x'),
      ($1, 'Z', 1.10, 'Infinity', 9007199254740993, '', 'infinity', '0', 'null', '{}', false, ''),
      ($1, E'_\t"\\N\\u0041\n', null, null, null, null, null, null, null, null, null, null),
      ($1, 'a', 0.00001, 0.1, -1, null, '9999-12-31', null, '""', null, null, null)`,
    [tenant.id],
  );
  await server.asOwner(
    "insert into app.customers (tenant_id, id, name, balance_minor) select $1, gen_random_uuid(), 'Customer ' || n, n from generate_series(1, 3000) n",
    [tenant.id],
  );
  await countUse(server, tenant.id);
  return tenant;
};

test("makes the tenant of a JSON export again, every value exact, and nobody can log in before a new password", async () => {
  const tenant = await furnished();
  const slug = `in-${tenant.slug}`;
  const { status, body } = await importAs(slug, await exportOf(tenant));
  expect([status, body.kind, body.status, body.error]).toEqual([200, "import", "succeeded", null]);
  expect(body.result.tables["app.customers"]).toMatchObject({ rows: 3000, equal: true });
  const [before, after] = [
    await manifestOf(await archiveOf(server, tenant.id)),
    await manifestOf(await archiveOf(server, slug)),
  ];
  const { "app.users": users, ...same } = digestsOf(before);
  const { "app.users": importedUsers, ...imported } = digestsOf(after);
  expect(imported).toEqual(same);
  expect(importedUsers).not.toBe(users);
  const accounts = await server.asOwner(
    "select email, password_hash, must_change_password from app.users where tenant_id = $1",
    [body.result.tenantId],
  );
  expect(accounts).toEqual([{ email: tenant.admin.email, password_hash: null, must_change_password: true }]);
  await server.request("POST", `/api/admin/tenants/${slug}/reactivate`, { token: operator });
  const login = await server.request("POST", "/api/auth/login", { body: { ...tenant.admin, tenant: slug } });
  expect(login.status).toBe(401);
});

test("says what it would make, and makes nothing", async () => {
  const tenant = await furnished();
  const { status, body } = await importAs(`dry-${tenant.slug}`, await exportOf(tenant), "&dryRun=true");
  expect([status, body.result.tables["app.customers"]]).toEqual([
    200,
    { added: 3000, removed: 0, changed: 0, same: 0 },
  ]);
  expect(await server.asOwner("select from app.tenants where slug = $1", [`dry-${tenant.slug}`])).toEqual([]);
});

test("refuses a document that is cut, changed in number or form, or of another format", async () => {
  const tenant = await server.provision();
  const document = await exportOf(tenant);
  const bytes = Buffer.from(document);
  const broken: (string | Buffer)[] = [
    "",
    "{}",
    "[]",
    document.replace("tenantctl-export/1", "tenantctl-export/2"),
    document.replace('"users":1', '"users":2'),
    document.replace('"customers":[]', '"nobodys":[]'),
    document.replace('"customers":[]', '"customers":[{}]'),
    document.replace('"name":"Admin"', '"name":{"first":"Admin"}'),
    document.replace('"name":"Admin"', '"name":Admin'),
    document.replace('"name":"Admin"', '"name":"Ad\\x"'),
    document.replace('"name":"Admin"', '"name":"\\ud800"'),
    `${document}{}`,
    Buffer.concat([bytes.subarray(0, 40), Buffer.of(0xff), bytes.subarray(40)]),
  ];
  for (let at = 1; at < bytes.length - 2; at += Math.ceil(bytes.length / 40)) broken.push(bytes.subarray(0, at));
  for (const [index, one] of broken.entries()) {
    const { status, body } = await importAs(`bad-${index}-${tenant.slug}`, one);
    expect([index, status, body.code]).toEqual([index, 422, expect.stringMatching(/^archive_(invalid|unsupported)$/)]);
  }
  expect(await server.asOwner("select from app.tenants where slug like 'bad-%'")).toEqual([]);
});

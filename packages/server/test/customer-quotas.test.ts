import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { asOwner, ownerRow } from "./fixture/as-owner.ts";
import { type Provisioned, startTestServer, type TestServer } from "./fixture/server.ts";

let server: TestServer;
let tenant: Provisioned;

beforeAll(async () => {
  server = await startTestServer();
  tenant = await server.provision();
});
afterAll(() => server?.stop());

const create = (body: object, by = tenant) => server.request("POST", "/api/customers", { token: by.token, body });
const get = (path: string, by = tenant) => server.request("GET", path, { token: by.token });

/**
 * What the counters say, and what a recount finds. The offset keeps the weighing below the sum: an aggregate packs the
 * first row it is given, which then seems three bytes lighter.
 */
const usage = (id: string) =>
  ownerRow<{ customers: string; bytes: string; counted: string; weighed: string }>(
    server.database,
    `select (select used from app.usage_counters where tenant_id = $1 and resource = 'customers') as customers,
       (select used from app.usage_counters where tenant_id = $1 and resource = 'storage_bytes') as bytes,
       (select count(*) from app.customers where tenant_id = $1) as counted,
       (select coalesce(sum(bytes), 0) from (select pg_column_size(c.*) as bytes from app.customers c where tenant_id = $1 offset 0) w) as weighed`,
    [id],
  );

describe("quotas", () => {
  test("of 50 parallel creates at the limit less one exactly one succeeds", async () => {
    const limited = await server.provision({ plan: "basic" });
    await asOwner(server.database, async (client) => {
      await client.query(
        `insert into app.customers (tenant_id, id, name) select $1, gen_random_uuid(), 'c' from generate_series(1, 999)`,
        [limited.id],
      );
      await client.query(
        `insert into app.usage_counters (tenant_id, resource, used) values ($1, 'customers', 999)
         on conflict (tenant_id, resource) do update set used = excluded.used`,
        [limited.id],
      );
    });
    const replies = await Promise.all(Array.from({ length: 50 }, (_, i) => create({ name: `c${i}` }, limited)));
    expect(replies.filter((reply) => reply.status === 201)).toHaveLength(1);
    const refused = replies.filter((reply) => reply.status === 409);
    expect(refused).toHaveLength(49);
    for (const { body } of refused) {
      expect(body.code).toBe("quota_exceeded");
      expect(body.hint).toMatch(/upgrade.*plan.*operator.*quota.*(reduce|remove)/is);
    }
    expect(await usage(limited.id)).toMatchObject({ customers: "1000", counted: "1000" });
    const { body: rows } = await get("/api/audit-logs?resourceType=customer&action=create", limited);
    expect(rows).toHaveLength(1);
  });

  test("counters are what a recount finds, whatever was created, changed and deleted at once", async () => {
    const busy = await server.provision();
    const { bytes: base } = await usage(busy.id);
    const made = await Promise.all(
      Array.from({ length: 20 }, (_, i) => create({ name: `c${i}`, notes: "long ".repeat(i * 100) }, busy)),
    );
    await Promise.all(
      made.map(({ body: { id } }, i) =>
        i % 3 === 0
          ? server.request("DELETE", `/api/customers/${id}`, { token: busy.token })
          : server.request("PATCH", `/api/customers/${id}`, {
              token: busy.token,
              body: { notes: i % 3 === 1 ? null : `other ${"é".repeat(i * 300)}` },
            }),
      ),
    );
    const { customers, counted, bytes, weighed } = await usage(busy.id);
    expect(customers).toBe(counted);
    expect(Number(bytes) - Number(base ?? 0)).toBe(Number(weighed));
  });

  test("deleting a customer twice at once counts it once", async () => {
    const { body: customer } = await create({ name: "Once" });
    const path = `/api/customers/${customer.id}`;
    const replies = await Promise.all([0, 1, 2].map(() => server.request("DELETE", path, { token: tenant.token })));
    expect(replies.map((reply) => reply.status).toSorted()).toEqual([200, 404, 404]);
    const { customers, counted } = await usage(tenant.id);
    expect(customers).toBe(counted);
  });
});

test.each([
  [{}],
  [{ name: "" }],
  [{ name: "x".repeat(201) }],
  [{ name: "a\u0000b" }],
  [{ name: 5 }],
  [{ name: "x", email: "no-at-sign" }],
  [{ name: "x", balanceMinor: 1.5 }],
  [{ name: "x", balanceMinor: 2 ** 53 }],
  [{ name: "x", currency: "usd" }],
  [{ name: "x", notes: "n".repeat(10_001) }],
  [{ name: "x", tenantId: "other" }],
  [{ name: "x", email: `İ@${"İ".repeat(250)}` }],
])("a body that is not right is refused and nothing is written: %j", async (body) => {
  const before = await usage(tenant.id);
  const reply = await create(body);
  expect(reply.status).toBe(400);
  expect(await usage(tenant.id)).toEqual(before);
});

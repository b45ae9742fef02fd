import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { asOwner } from "./fixture/as-owner.ts";
import { checkAnswer } from "./fixture/contract-answer.ts";
import { type Provisioned, startTestServer, type TestServer } from "./fixture/server.ts";

let server: TestServer;
let tenant: Provisioned;
let other: Provisioned;
let operator: string;

interface Row {
  readonly id: string;
  readonly tenantId: string | null;
  readonly action: string;
  readonly at: string;
  readonly actor: { readonly id: string | null; readonly name: string | null };
}

const list = async (query: string, token = operator): Promise<Row[]> => {
  const reply = await server.request<Row[]>("GET", `/api/audit-logs${query}`, { token });
  if (reply.status !== 200) throw new Error(`${reply.status}: ${reply.text}`);
  checkAnswer("audit.list", 200, reply.body);
  return reply.body;
};

beforeAll(async () => {
  server = await startTestServer();
  operator = await server.operatorToken();
  tenant = await server.provision();
  other = await server.provision();
  for (const { token } of [tenant, other]) {
    await server.request("POST", "/api/customers", { token, body: { name: "Audited" } });
  }
});
afterAll(() => server?.stop());

describe("who sees what", () => {
  test("an operator sees all tenants and what is about none, newest first", async () => {
    const rows = await list("?limit=1000");
    expect(new Set(rows.map((row) => row.tenantId))).toEqual(new Set([null, tenant.id, other.id]));
    expect(rows.some((row) => row.tenantId === null && row.action === "login")).toBe(true);
    const times = rows.map((row) => row.at);
    expect(times).toEqual(times.toSorted().toReversed());
  });

  test("an operator sees one tenant by id or slug, with the guide's filters", async () => {
    const rows = await list(`?tenantId=${tenant.id}&action=create&resourceType=customer`);
    expect(rows).toHaveLength(1);
    expect(rows[0]).toMatchObject({
      tenantId: tenant.id,
      outcome: "success",
      before: null,
      after: { name: "Audited" },
    });
    expect(await list(`?tenantId=${tenant.slug}&action=create&resourceType=customer`)).toEqual(rows);
  });

  test("a tenant_admin sees their own tenant's rows, with or without its id, and nobody else's", async () => {
    const rows = await list("?limit=1000", tenant.token);
    expect(new Set(rows.map((row) => row.tenantId))).toEqual(new Set([tenant.id]));
    expect(await list(`?limit=1000&tenantId=${tenant.id}`, tenant.token)).toEqual(rows);
    const foreign = await server.request("GET", `/api/audit-logs?tenantId=${other.id}`, { token: tenant.token });
    expect([foreign.status, foreign.body.code]).toEqual([404, "tenant_not_found"]);
  });

  test("a tenant that never was is not found", async () => {
    const absent = await server.request("GET", "/api/audit-logs?tenantId=01890000-0000-7000-8000-00000000dead", {
      token: operator,
    });
    expect([absent.status, absent.body.code]).toEqual([404, "tenant_not_found"]);
  });

  test("the history of a deleted and of a purged tenant stays, without its data", async () => {
    const gone = await server.provision();
    await server.request("POST", "/api/customers", { token: gone.token, body: { name: "Secret of the gone" } });
    const remove = (body: object) =>
      server.request("POST", `/api/admin/tenants/${gone.id}/delete`, { token: operator, body });
    expect((await remove({})).status).toBe(200);
    expect(await list(`?tenantId=${gone.slug}&resourceType=customer`)).toHaveLength(1);
    expect((await remove({ hardDelete: true })).status).toBeLessThan(300);
    const rows = await list(`?tenantId=${gone.id}&resourceType=customer`);
    expect(rows).toHaveLength(1);
    expect(rows[0]).toMatchObject({ action: "create", before: null, after: null });
  });
});

describe("filters", () => {
  test("by actor: id, e-mail in any case", async () => {
    const [row] = await list(`?tenantId=${tenant.id}&resourceType=customer`);
    const { id, name } = row?.actor ?? {};
    expect(name).toBe(tenant.admin.email);
    for (const actor of [id, name, name?.toUpperCase()]) {
      const rows = await list(`?resourceType=customer&actor=${encodeURIComponent(actor ?? "")}`);
      expect(rows.map((found) => found.id)).toEqual([row?.id]);
    }
    expect(await list(`?actor=${encodeURIComponent("' or true --")}`)).toEqual([]);
  });

  test("by time: from since on, before until", async () => {
    const rows = await list("?limit=1000");
    const middle = rows[Math.floor(rows.length / 2)]?.at ?? "";
    const until = await list(`?limit=1000&until=${middle}`);
    const since = await list(`?limit=1000&since=${middle}`);
    expect([...since, ...until].map((row) => row.id)).toEqual(rows.map((row) => row.id));
    expect(until.every((row) => row.at < middle)).toBe(true);
  });

  test.each(["outcome=maybe", "since=yesterday", "since=2025-02-31T00:00:00Z", "limit=-1", "actor=%00", "cursor=x"])(
    "?%s is refused with 400",
    async (query) => {
      const reply = await server.request("GET", `/api/audit-logs?${query}`, { token: operator });
      expect(reply.status).toBe(400);
    },
  );

  test("a time at the edge of the calendar is no failure of the server", async () => {
    for (const time of ["0000-01-01T00:00:00Z", "9999-12-31T23:59:60Z"]) {
      const reply = await server.request("GET", `/api/audit-logs?since=${time}`, { token: operator });
      expect(reply.status).toBeLessThan(500);
    }
  });
});

test("pages hold every row once, over months and over rows of the same instant", async () => {
  const long = await server.provision();
  await asOwner(server.database, (client) =>
    client.query(
      `insert into app.audit_log (tenant_id, at, id, action, resource_type, outcome, actor_type)
       select $1, date_trunc('minute', now()) - make_interval(days => n / 3 * 20), gen_random_uuid(), 'create', 'thing', 'success', 'system'
       from generate_series(0, 29) n`,
      [long.id],
    ),
  );
  for (const [token, query] of [
    [long.token, "?resourceType=thing"],
    [operator, `?tenantId=${long.id}&resourceType=thing`],
    [operator, "?resourceType=thing"],
  ] as const) {
    const whole = await list(query, token);
    expect(whole).toHaveLength(30);
    const paged = [];
    let next: string | undefined = `/api/audit-logs${query}&limit=7`;
    while (next !== undefined) {
      const page: { body: Row[]; headers: Headers } = await server.request("GET", next, { token });
      paged.push(...page.body);
      next = /^<([^>]+)>/.exec(page.headers.get("link") ?? "")?.[1];
    }
    expect(paged).toEqual(whole);
  }
});

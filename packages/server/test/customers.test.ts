import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { asOwner } from "./fixture/as-owner.ts";
import { checkAnswer } from "./fixture/contract-answer.ts";
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

describe("what is stored is what was sent", () => {
  test("a customer with every field comes back as the contract says", async () => {
    const sent = {
      name: "O'Brien; -- drop table customers",
      email: "Mary.O'Brien@Example.COM",
      phone: "+44 20 7946 0000",
      notes: 'first line\n\t"second" \\ line',
      balanceMinor: Number.MIN_SAFE_INTEGER,
      currency: "GBP",
    };
    const made = await create(sent);
    expect(made.status).toBe(201);
    checkAnswer("customers.create", 201, made.body);
    expect(made.body).toMatchObject({ ...sent, email: "mary.o'brien@example.com" });
    const shown = await get(`/api/customers/${made.body.id}`);
    checkAnswer("customers.get", 200, shown.body);
    expect(shown.body).toEqual(made.body);
    expect((await get(`/api/customers/${made.body.id.toUpperCase()}`)).body).toEqual(made.body);
  });

  test("what is left out has its default", async () => {
    const { body } = await create({ name: "Only a name" });
    expect(body).toMatchObject({ email: null, phone: null, notes: null, balanceMinor: 0, currency: "USD" });
  });

  test("any name and notes survive unchanged", async () => {
    const anyText = (maxLength: number) =>
      fc.oneof(
        fc.string({ unit: "binary", maxLength }),
        fc.string({ unit: fc.constantFrom("'", '"', "\\", "%", "_", "$1", ";", "--", "\u2028", "💥", "é"), maxLength }),
      );
    const oneLine = anyText(100).filter((text) => /^ *[^\s\p{Cc}]\P{Cc}*$/u.test(text) && [...text].length <= 200);
    const lines = anyText(400).filter((text) => !text.includes("\0"));
    await fc.assert(
      fc.asyncProperty(oneLine, lines, async (name, notes) => {
        const made = await create({ name, notes });
        expect(made.status).toBe(201);
        expect((await get(`/api/customers/${made.body.id}`)).body).toMatchObject({ name, notes });
      }),
      { numRuns: 60 },
    );
  });

  test("a change changes what it names, and null clears", async () => {
    const { body: before } = await create({ name: "Before", phone: "1", notes: "keep", balanceMinor: 5 });
    const changed = await server.request("PATCH", `/api/customers/${before.id}`, {
      token: tenant.token,
      body: { name: "After", phone: null, email: "New@Example.com" },
    });
    checkAnswer("customers.update", 200, changed.body);
    expect(changed.body).toEqual({
      ...before,
      name: "After",
      phone: null,
      email: "new@example.com",
      updatedAt: changed.body.updatedAt,
    });
    const gone = await server.request("DELETE", `/api/customers/${before.id}`, { token: tenant.token });
    checkAnswer("customers.delete", 200, gone.body);
    expect(gone.body).toEqual(changed.body);
    expect((await get(`/api/customers/${before.id}`)).body.code).toBe("not_found");
  });

  test("each change leaves one audit row with what changed; what changes nothing leaves none", async () => {
    const { body: customer } = await create({ name: "Audited", notes: "n" });
    const patch = (body: object) =>
      server.request("PATCH", `/api/customers/${customer.id}`, { token: tenant.token, body });
    await patch({ name: "Audited twice" });
    const repeated = await patch({ name: "Audited twice", notes: "n" });
    expect(repeated.status).toBe(200);
    await server.request("DELETE", `/api/customers/${customer.id}`, { token: tenant.token });
    const { body: rows } = await get(`/api/audit-logs?resourceType=customer&resourceId=${customer.id}`);
    expect(rows.map((row: { action: string }) => row.action)).toEqual(["delete", "update", "create"]);
    expect(rows[1]).toMatchObject({ before: { name: "Audited" }, after: { name: "Audited twice" } });
    expect(rows[0].before).toMatchObject({ name: "Audited twice", notes: "n" });
    expect(rows[2]).toMatchObject({ before: null, actor: { type: "user", name: tenant.admin.email } });
  });
});

describe("lists", () => {
  let shop: Provisioned;
  const names = ["Ägir", "O'Brien", "100% cotton", "under_score", "underXscore", "back\\slash", "ÄGIR two", "zoë"];

  beforeAll(async () => {
    shop = await server.provision();
    for (const [index, name] of names.entries()) {
      await create({ name, ...(index === 7 ? { email: "zoe@needle.example" } : {}) }, shop);
    }
    // Ties in every sort key: pages must not lose or repeat a row over them.
    await asOwner(server.database, (client) =>
      client.query(
        `insert into app.customers (tenant_id, id, name, created_at)
         select $1, gen_random_uuid(), 'same', '2025-01-01T00:00:00.123Z' from generate_series(1, 25)`,
        [shop.id],
      ),
    );
  });

  const allPages = async (first: string): Promise<{ id: string; name: string; createdAt: string }[]> => {
    const rows = [];
    let next: string | undefined = first;
    while (next !== undefined) {
      const page: Awaited<ReturnType<typeof get>> = await get(next, shop);
      expect(page.status).toBe(200);
      checkAnswer("customers.list", 200, page.body);
      rows.push(...page.body);
      next = /^<([^>]+)>; rel="next"$/.exec(page.headers.get("link") ?? "")?.[1];
    }
    return rows;
  };

  test.each(["createdAt", "-createdAt", "name", "-name"])("pages sorted by %s hold every row once", async (sort) => {
    const whole = await get(`/api/customers?sort=${sort}&limit=1000`, shop);
    expect(whole.headers.get("link")).toBeNull();
    expect(whole.body).toHaveLength(33);
    const paged = await allPages(`/api/customers?sort=${sort}&limit=4`);
    expect(paged).toEqual(whole.body);
    if (sort.endsWith("createdAt")) {
      const times = paged.map((row) => row.createdAt);
      expect(times).toEqual(sort === "createdAt" ? times.toSorted() : times.toSorted().toReversed());
    }
  });

  test("newest first unless said otherwise; a page that is exactly full has no next one", async () => {
    const { body } = await get("/api/customers", shop);
    expect(body[0].name).toBe("zoë");
    expect((await get("/api/customers?limit=33", shop)).headers.get("link")).toBeNull();
    expect((await get("/api/customers?limit=32", shop)).headers.get("link")).not.toBeNull();
  });

  test.each([
    ["brien", ["O'Brien"]],
    ["%", ["100% cotton"]],
    ["r_s", ["under_score"]],
    ["\\", ["back\\slash"]],
    ["NEEDLE", ["zoë"]],
    ["' or true --", []],
  ])("the search %s is text, in any case", async (search, found) => {
    const { body } = await get(`/api/customers?sort=name&search=${encodeURIComponent(search)}`, shop);
    expect(body.map((row: { name: string }) => row.name)).toEqual(found);
  });

  test("a page can end in a name of any length", async () => {
    const other = await server.provision();
    const long = "💥".repeat(200);
    for (const name of [long, '"'.repeat(200), "\\".repeat(200)]) await create({ name }, other);
    const first = await get("/api/customers?sort=-name&limit=1", other);
    const second = await get(/^<([^>]+)>/.exec(first.headers.get("link") ?? "")?.[1] ?? "", other);
    const third = await get(/^<([^>]+)>/.exec(second.headers.get("link") ?? "")?.[1] ?? "", other);
    expect(third.status).toBe(200);
    expect(new Set([first, second, third].map((page) => page.body[0].name)).size).toBe(3);
  });

  test("a cursor is good for the sort that it was made with, and for no other list", async () => {
    const { headers } = await get("/api/customers?sort=name&limit=4", shop);
    const cursor = new URL(/^<([^>]+)>/.exec(headers.get("link") ?? "")?.[1] ?? "", server.url).searchParams.get(
      "cursor",
    );
    expect((await get(`/api/customers?sort=name&limit=9&cursor=${cursor}`, shop)).status).toBe(200);
    for (const path of ["/api/customers?sort=-name", "/api/customers?limit=4", "/api/audit-logs?limit=4"]) {
      const reply = await get(`${path}&cursor=${cursor}`, shop);
      expect([path, reply.status, reply.body.code]).toEqual([path, 400, "invalid_cursor"]);
    }
  });

  test.each([
    "cursor=bm9uc2Vuc2U",
    `cursor=${Buffer.from('["-createdAt","2025-01-01T00:00:00.000Z","x"]').toString("base64url")}`,
    `cursor=${Buffer.from('["-createdAt","2025-99-99T00:00:00.000Z","01890000-0000-7000-8000-000000000001"]').toString("base64url")}`,
    `sort=name&cursor=${Buffer.from('["name","a\\u0000","01890000-0000-7000-8000-000000000001"]').toString("base64url")}`,
    "limit=0",
    "limit=1001",
    "sort=email",
    "search=%00",
    "nonsense=1",
  ])("?%s is refused with 400", async (query) => {
    expect((await get(`/api/customers?${query}`, shop)).status).toBe(400);
  });
});

describe("tenants stay apart", () => {
  test("another tenant's customer is not there", async () => {
    const other = await server.provision();
    const { body: theirs } = await create({ name: "Theirs" }, other);
    for (const [method, body] of [["GET"], ["PATCH", { name: "Mine" }], ["DELETE"]] as const) {
      const path = (id: string) => `/api/customers/${id}`;
      const options = { token: tenant.token, ...(body === undefined ? {} : { body }) };
      const foreign = await server.request(method, path(theirs.id), options);
      const absent = await server.request(method, path("01890000-0000-7000-8000-00000000dead"), options);
      expect(foreign.status).toBe(404);
      expect({ ...foreign.body, requestId: "" }).toEqual({ ...absent.body, requestId: "" });
    }
    expect((await get(`/api/customers/${theirs.id}`, other)).body).toEqual(theirs);
  });

  test("an operator says which tenant, by id or slug", async () => {
    const token = await server.operatorToken();
    const none = await server.request("GET", "/api/customers", { token });
    expect(none.body.code).toBe("tenant_required");
    const made = await server.request("POST", `/api/customers?tenantId=${tenant.slug}`, {
      token,
      body: { name: "By an operator" },
    });
    expect(made.status).toBe(201);
    const { body: rows } = await server.request(
      "GET",
      `/api/audit-logs?tenantId=${tenant.id}&action=create&resourceType=customer`,
      { token },
    );
    expect(rows[0]).toMatchObject({
      tenantId: tenant.id,
      resourceId: made.body.id,
      actor: { type: "operator", name: server.operator.email },
    });
  });
});

test("a support agent works with customers and nothing else", async () => {
  const agent = { name: "Agent", email: "agent@example.com", password: "password123", role: "support_agent" };
  await server.request("POST", "/api/tenants/users", { token: tenant.token, body: agent });
  const { accessToken: token } = await server.login({
    email: agent.email,
    password: agent.password,
    tenant: tenant.slug,
  });
  expect((await server.request("GET", "/api/customers", { token })).status).toBe(200);
  expect((await server.request("POST", "/api/customers", { token, body: { name: "By an agent" } })).status).toBe(201);
  for (const path of ["/api/tenants/users", "/api/tenants/export", "/api/audit-logs"]) {
    expect((await server.request("GET", path, { token })).status).toBe(403);
  }
});

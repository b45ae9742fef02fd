import { get, type IncomingMessage } from "node:http";
import { afterAll, beforeAll, expect, test } from "vitest";
import { asOwner } from "./fixture/as-owner.ts";
import { type Provisioned, startTestServer, type TestServer } from "./fixture/server.ts";
import { until } from "./fixture/until.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server?.stop());

/** A tenant with more than what waits between a server and a reader who does not read. */
const largeTenant = async (): Promise<Provisioned> => {
  const tenant = await server.provision();
  await asOwner(server.database, (client) =>
    client.query(
      `insert into app.customers (tenant_id, id, name, notes)
       select $1, gen_random_uuid(), 'c' || n, repeat('x', 4000) from generate_series(1, 5000) n`,
      [tenant.id],
    ),
  );
  return tenant;
};

const exportPath = "/api/tenants/export";
const answerTo = (token: string, path = exportPath) => server.request("GET", path, { token });

/** An export that has begun, and that nobody reads on. */
const standStill = (token: string): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${token}` };
    get(new URL(exportPath, server.url), { headers, agent: false }, resolve).on("error", reject);
  });

test("a tenant whose readers stand still keeps nobody else from an export, nor operators from backups", async () => {
  const [large, other] = [await largeTenant(), await server.provision()];
  const unread = [await standStill(large.token), await standStill(large.token)];
  try {
    expect(unread.map(({ statusCode }) => statusCode)).toEqual([200, 200]);
    for (const path of [exportPath, "/api/audit-logs/export"]) {
      const refused = await answerTo(large.token, path);
      expect([refused.status, refused.body.code, refused.headers.get("retry-after")]).toEqual([
        429,
        "rate_limited",
        "5",
      ]);
      expect((await answerTo(other.token, path)).status).toBe(200);
    }
    const operator = await server.operatorToken();
    expect((await answerTo(operator, `${exportPath}?tenantId=${large.id}`)).status).toBe(200);
    expect((await answerTo(operator, `/api/admin/tenants/${large.id}/archive`)).status).toBe(200);
  } finally {
    for (const response of unread) response.destroy();
  }
  await until("its own turn", async () => (await answerTo(large.token)).status === 200);
  // Whole ones give their turns back.
  for (let turn = 0; turn < 4; turn += 1) {
    await until("the turn before to be over", async () => (await answerTo(other.token)).status === 200);
  }
});

test("of all tenants together only so many are read", async () => {
  const tenants = [await largeTenant(), await largeTenant(), await largeTenant()];
  const unread: IncomingMessage[] = [];
  try {
    for (const { token } of tenants) unread.push(await standStill(token), await standStill(token));
    expect(unread.map(({ statusCode }) => statusCode)).toEqual([200, 200, 200, 200, 200, 503]);
  } finally {
    for (const response of unread) response.destroy();
  }
});

test("who asks for one more waits for its turn, and one that was given up leaves its turn to others", async () => {
  const { token } = await server.provision();
  const all = await Promise.all(Array.from({ length: 10 }, () => answerTo(token)));
  expect(all.map(({ status }) => status)).toEqual(all.map(() => 200));

  const large = await largeTenant();
  const unread = [await standStill(large.token), await standStill(large.token)];
  const left = new AbortController();
  const headers = { authorization: `Bearer ${large.token}` };
  const asked = fetch(new URL(exportPath, server.url), { headers, signal: left.signal }).then(
    () => "answered",
    () => "given up",
  );
  left.abort();
  expect(await asked).toBe("given up");
  for (const response of unread) response.destroy();
  for (let round = 0; round < 4; round += 1) {
    await until("a turn of its own", async () => (await answerTo(large.token)).status === 200);
  }
});

import { connect } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { withClient } from "../../database/test/harness/database.ts";
import { type Reply, startTestServer, type TestServer } from "./fixture/server.ts";

let server: TestServer;
let token: string;

/** More than the buffers between the database and a client hold, so that a list is still under way when it is cut off. */
const many = 40_000;

beforeAll(async () => {
  server = await startTestServer();
  token = await server.operatorToken();
  await withClient(server.database.url, async (client) => {
    await client.query(
      `insert into app.tenants (id, slug, name, plan, contact_email, created_at)
       select gen_random_uuid(), 'bulk-' || n, 'Bulk ' || n, 'basic', 'bulk' || n || '@bulk.example',
         '2025-01-01T00:00:00Z'::timestamptz + make_interval(secs => (n / 3)::int) from generate_series(1, $1::int) n`,
      [many],
    );
    await client.query(
      `insert into app.tenants (id, slug, name, plan, contact_email, status, deleted_at, purged_at) values
        (gen_random_uuid(), 'percent', '100% Sure_Thing', 'pro', 'o''brien@sure.example', 'suspended', null, null),
        (gen_random_uuid(), 'gone', 'Gone', 'pro', 'gone@x.example', 'deleted', now(), null),
        (gen_random_uuid(), 'purged', 'Purged', 'pro', null, 'purged', now(), now())`,
    );
  });
});
afterAll(() => server.stop());

const list = async (query = ""): Promise<{ slug: string; id: string; createdAt: string; status: string }[]> => {
  const { status, body } = await server.request("GET", `/api/admin/tenants${query}`, { token });
  expect(status).toBe(200);
  return body;
};
const slugs = async (query: string) => (await list(query)).map(({ slug }) => slug).sort();

test("without a limit the list is complete, newest first, without deleted, purged and system tenants", async () => {
  const tenants = await list();
  expect(tenants).toHaveLength(many + 1);
  const times = tenants.map(({ createdAt }) => createdAt);
  expect(times.every((time, place) => place === 0 || time <= (times[place - 1] ?? ""))).toBe(true);
  expect(new Set(tenants.map(({ id }) => id)).size).toBe(many + 1);
  expect(await slugs("?includeDeleted=true&plan=pro")).toEqual(["gone", "percent"]);
  expect(await slugs("?status=deleted")).toEqual(["gone"]);
  expect(await slugs("?status=purged")).toEqual([]);
  expect(await slugs("?search=system")).toEqual([]);
  expect(await list("?search=nothing-like-it")).toEqual([]);
});

test("pages lead through all tenants, each once", async () => {
  const seen: string[] = [];
  let path: string | undefined = "/api/admin/tenants?limit=10000";
  while (path !== undefined) {
    const reply: Reply<{ id: string }[]> = await server.request("GET", path, { token });
    expect(reply.status).toBe(200);
    seen.push(...reply.body.map(({ id }) => id));
    path = /^<([^>]+)>; rel="next"$/.exec(reply.headers.get("link") ?? "")?.[1];
  }
  expect(seen.join() === (await list()).map(({ id }) => id).join()).toBe(true);
  const bad = await server.request("GET", "/api/admin/tenants?limit=5&cursor=bm9uZQ", { token });
  expect([bad.status, bad.body.code]).toEqual([400, "invalid_cursor"]);
});

test("a search finds what begins so, in any case, and takes wildcards and quotes as they are", async () => {
  expect(await slugs("?search=bulk-3999")).toEqual(
    ["bulk-3999", ...Array.from({ length: 10 }, (_, n) => `bulk-3999${n}`)].sort(),
  );
  expect(await slugs("?search=BULK%204000")).toEqual(["bulk-4000", "bulk-40000"]);
  expect(await slugs("?search=bulk2500%40bulk")).toEqual(["bulk-2500"]);
  expect(await slugs("?search=100%25")).toEqual(["percent"]);
  expect(await slugs("?search=%25")).toEqual([]);
  expect(await slugs("?search=_")).toEqual([]);
  expect(await slugs("?search=O%27Brien")).toEqual(["percent"]);
  expect(await slugs("?search=%27%3B%20drop%20table%20app.tenants%3B--")).toEqual([]);
  expect(await slugs("?status=suspended&search=100")).toEqual(["percent"]);
});

test("a list that fails midway breaks off instead of ending well", async () => {
  const { port } = new URL(server.url);
  const received = await new Promise<string>((resolve, reject) => {
    let text = "";
    let cut = false;
    const socket = connect(Number(port), "127.0.0.1", () => {
      socket.write(
        `GET /api/admin/tenants HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nConnection: close\r\n\r\n`,
      );
    });
    socket.on("data", (chunk) => {
      text += chunk.toString("latin1");
      if (cut) return;
      cut = true;
      // Nobody reads on until the database connection behind the list is gone.
      socket.pause();
      withClient(server.database.cluster.adminUrl, (client) =>
        client.query(
          "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1 and application_name = 'tenantctl operatorStream'",
          [server.database.name],
        ),
      ).then(() => socket.resume(), reject);
    });
    socket.on("error", () => undefined);
    socket.on("close", () => resolve(text));
  });
  expect(received.slice(0, 13)).toBe("HTTP/1.1 200 ");
  // Neither the last chunk of HTTP nor the end of the array.
  expect(received.slice(-8)).not.toMatch(/\]|\r\n0\r\n/);
  // The next list is whole again.
  expect(await list()).toHaveLength(many + 1);
});

test("who may not list gets a problem, not a list", async () => {
  const { token: admin } = await server.provision();
  const refused = await server.request("GET", "/api/admin/tenants", { token: admin });
  expect([refused.status, refused.body.code]).toEqual([403, "forbidden"]);
  expect((await server.request("GET", "/api/admin/tenants")).status).toBe(401);
});

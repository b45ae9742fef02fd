import { SYSTEM_TENANT_ID } from "@tenantctl/database";
import { afterAll, beforeAll, expect, test } from "vitest";
import { withClient } from "../../database/test/harness/database.ts";
import { writeRows } from "./fixture/audit-log.ts";
import { startTestServer, type TestServer } from "./fixture/server.ts";

let server: TestServer;
let token: string;
beforeAll(async () => {
  server = await startTestServer();
  token = await server.operatorToken();
});
afterAll(() => server?.stop());

const look = async (query: string, as = token) => {
  const reply = await server.request("GET", `/api/audit-logs/tail${query}`, { token: as });
  expect(reply.status).toBe(200);
  return reply.body as { rows: { id: string; tenantId: string | null }[]; cursor: string; more: boolean };
};

test("a tail gives every row once, one that was committed late and one more than a look holds", async () => {
  const { id } = await server.provision();
  let { cursor } = await look(`?tenantId=${id}`);
  const got: string[] = [];
  const follow = async (limit = 3): Promise<void> => {
    for (let more = true; more; ) {
      const next = await look(`?tenantId=${id}&limit=${limit}&cursor=${cursor}`);
      got.push(...next.rows.map((row) => row.id));
      ({ cursor, more } = next);
    }
  };
  await withClient(server.database.url, async (late) => {
    await late.query(`set role ${server.database.prefix}_owner`);
    await late.query("begin");
    const { rows } = await late.query(
      `insert into app.audit_log (tenant_id, at, id, action, resource_type, outcome, actor_type)
        values ($1, now() - interval '1 s', gen_random_uuid(), 'late', 'thing', 'success', 'system') returning id`,
      [id],
    );
    const early = await writeRows(server, id, 7);
    await follow();
    expect(got).toEqual(early);
    await late.query("commit");
    await follow();
    expect(got).toEqual([...early, rows[0].id]);
  });
  await follow();
  expect(got).toHaveLength(8);
});

test("a tenant's own tail shows its own rows alone", async () => {
  const [own, other] = [await server.provision(), await server.provision()];
  const { cursor } = await look("", own.token);
  await writeRows(server, other.id, 2);
  await writeRows(server, null, 1);
  const mine = await writeRows(server, own.id, 2);
  const next = await look(`?cursor=${cursor}`, own.token);
  expect(next.rows.map(({ id }) => id)).toEqual(mine);
});

test("a cursor of another database is refused", async () => {
  const cursor = Buffer.from(JSON.stringify(["99999999:99999999:", "", "", ""])).toString("base64url");
  const reply = await server.request("GET", `/api/audit-logs/tail?cursor=${cursor}`, { token });
  expect([reply.status, reply.body.code]).toEqual([400, "invalid_cursor"]);
});

test("an export is complete, oldest first; a tenant's own holds its own rows alone", async () => {
  const own = await server.provision();
  await writeRows(server, own.id, 1200);
  const all = await server.request("GET", "/api/audit-logs/export", { token });
  const [count] = await server.asOwner("select count(*)::int as rows from app.audit_log");
  expect(all.body).toHaveLength(count.rows);
  const times = all.body.map(({ at }: { at: string }) => at);
  expect(times).toEqual([...times].sort());
  expect(all.body.some(({ tenantId }: { tenantId: string | null }) => tenantId === null)).toBe(true);
  expect(all.text).not.toContain(SYSTEM_TENANT_ID);
  const mine = await server.request("GET", "/api/audit-logs/export", { token: own.token });
  expect(new Set(mine.body.map(({ tenantId }: { tenantId: string }) => tenantId))).toEqual(new Set([own.id]));
  expect(mine.body.length).toBeGreaterThanOrEqual(1200);
});

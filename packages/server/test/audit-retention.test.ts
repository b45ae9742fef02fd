import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { appendCheckpoint } from "../src/audit/checkpoint-file.ts";
import { retainAudit } from "../src/audit/retain-audit.ts";
import { checkpoint, seal, verify, writeRows } from "./fixture/audit-log.ts";
import { startTestServer, type TestServer } from "./fixture/server.ts";

let server: TestServer;
let token: string;
beforeAll(async () => {
  server = await startTestServer({ settings: { auditRetentionMonths: 12 } });
  token = await server.operatorToken();
});
afterAll(() => server?.stop());

/** Rows of two years ago, in a partition of their month. */
const oldRows = async (tenantId: string, count: number): Promise<void> => {
  await server.asOwner(
    `create table if not exists app.audit_log_2024_11 partition of app.audit_log for values from ('2024-11-01Z') to ('2024-12-01Z')`,
  );
  await server.asOwner(
    `insert into app.audit_log (tenant_id, at, id, action, resource_type, outcome, actor_type)
      select $1, '2024-11-05T00:00:00Z'::timestamptz + n * interval '1 s', gen_random_uuid(), 'create', 'old', 'success', 'system' from generate_series(1, $2::int) n`,
    [tenantId, count],
  );
};

const retention = (method: "GET" | "POST", query = "") =>
  server.request(method, `/api/admin/audit/retention${query}`, { token });
const oldOnes = async (): Promise<number> =>
  (await server.asOwner("select count(*)::int as rows from app.audit_log where at < '2025-01-01Z'"))[0].rows;

test("old months go as a whole; what stays verifies from where it begins, against older checkpoints too", async () => {
  const { id } = await server.provision();
  const held = await server.provision();
  await server.asOwner("update app.audit_sealer set seen = null, seen_at = null");
  await oldRows(id, 5);
  await oldRows(held.id, 2);
  const unsealed = await retention("GET");
  expect(unsealed.body).toMatchObject({
    months: 12,
    rows: 7,
    dropped: false,
    obstacles: [expect.stringContaining("no seal")],
  });
  await seal(server);
  await writeRows(server, id, 3);
  await seal(server);
  const before = await checkpoint(server);

  const hold = await server.request("PUT", `/api/admin/tenants/${held.id}/hold`, {
    token,
    body: { reason: "a lawsuit" },
  });
  expect(hold.status).toBeLessThan(300);
  const kept = await retention("POST");
  expect([kept.status, kept.body.code]).toEqual([409, "transition_forbidden"]);
  expect(kept.body.detail).toContain(held.slug);
  await retainAudit(server.app);
  expect(await oldOnes()).toBe(7);
  expect((await server.request("DELETE", `/api/admin/tenants/${held.id}/hold`, { token })).status).toBeLessThan(300);

  const rehearsed = await retention("POST", "?dryRun=true");
  expect(rehearsed.body).toMatchObject({ rows: 7, dropped: false, dryRun: true, obstacles: [] });
  expect(await oldOnes()).toBe(7);
  const dropped = await retention("POST");
  expect(dropped.body).toMatchObject({ rows: 7, dropped: true });
  expect(await oldOnes()).toBe(0);
  expect(await server.asOwner("select from pg_class where relname = 'audit_log_2024_11'")).toEqual([]);

  await seal(server);
  const { result, problems } = await verify(server, {}, before);
  expect(problems).toEqual([]);
  expect(result).toMatchObject({ ok: true, droppedBefore: dropped.body.before });
  const [chain] = await server.asOwner("select base_sequence::int as base from app.audit_chains where tenant_id = $1", [
    id,
  ]);
  const [first] = await server.asOwner("select min(sequence)::int as first from app.audit_seals where tenant_id = $1", [
    id,
  ]);
  expect(first.first).toBe(chain.base + 1);
  expect((await retention("POST")).body).toMatchObject({ rows: 0, dropped: false });

  // It begins later now, and what is taken from its beginning shows all the same.
  await server.asOwner(
    "delete from app.audit_log l using app.audit_seals s where s.tenant_id = $1 and s.sequence = $2 and l.tenant_id = s.tenant_id and l.id = s.audit_id",
    [id, first.first],
  );
  expect((await verify(server, { tenantId: id })).problems).toEqual([
    expect.objectContaining({ problem: "row_missing", sequence: first.first }),
  ]);
});

test("a file of checkpoints goes on where it ended, over a line that a crash cut off", async () => {
  const path = join(await mkdtemp(join(tmpdir(), "checkpoints-")), "checkpoints.jsonl");
  const { id } = await server.provision();
  await writeRows(server, id, 2);
  await seal(server);
  expect(await appendCheckpoint(server.app, path)).toBe(true);
  // Within the hour there is nothing to do.
  expect(await appendCheckpoint(server.app, path)).toBe(false);
  await writeFile(path, '{"format":"tenantctl-audit-che', { flag: "a" });
  await writeRows(server, id, 1);
  await seal(server);
  expect(await appendCheckpoint(server.app, path)).toBe(true);
  const lines = (await readFile(path, "utf8")).trimEnd().split("\n");
  expect(lines).toHaveLength(3);
  const [first, last] = [JSON.parse(lines[0] ?? ""), JSON.parse(lines[2] ?? "")];
  expect(last.batch).toBeGreaterThan(first.batch);
  const { problems } = await verify(server, { tenantId: id }, lines.join("\n"));
  expect(problems).toEqual([
    expect.objectContaining({ problem: "checkpoint_unreadable", what: expect.stringContaining("line 2") }),
  ]);
  // Signed is signed: a changed number shows.
  const forged = JSON.stringify({ ...first, rows: first.rows + 1 });
  expect((await verify(server, { tenantId: id }, `${forged}\n`)).problems).toEqual([
    expect.objectContaining({
      problem: "checkpoint_unreadable",
      what: expect.stringContaining("not as it was signed"),
    }),
  ]);
});

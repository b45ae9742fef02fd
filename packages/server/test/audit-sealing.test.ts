import { SYSTEM_TENANT_ID } from "@tenantctl/database";
import { afterAll, beforeAll, expect, test } from "vitest";
import { withClient } from "../../database/test/harness/database.ts";
import { auditKey, auditKeys } from "../src/audit/audit-keys.ts";
import { sealBatch } from "../src/audit/seal-batch.ts";
import { sealAll } from "../src/audit/sealer.ts";
import { seal, verify, writeRows } from "./fixture/audit-log.ts";
import { createPausableDatabase } from "./fixture/pausable-database.ts";
import { startTestServer, type TestServer } from "./fixture/server.ts";
import { until } from "./fixture/until.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server?.stop());

const insert = `insert into app.audit_log (tenant_id, at, id, action, resource_type, outcome, actor_type)
  select $1, $2::timestamptz + n * interval '1 ms', gen_random_uuid(), 'create', 'bulk', 'success', 'system' from generate_series(1, $3::int) n`;

const unsealed = async (): Promise<number> => {
  const [row] = await server.asOwner(`select count(*)::int as rows from app.audit_log l
    where not exists (select from app.audit_seals s where s.tenant_id = l.tenant_id and s.at = l.at and s.audit_id = l.id)`);
  return row.rows;
};

const asOwner = <T>(
  work: (client: { query: (text: string, values?: unknown[]) => Promise<{ rows: never[] }> }) => Promise<T>,
) =>
  withClient(server.database.url, async (client) => {
    await client.query(`set role ${server.database.prefix}_owner`);
    return work(client as never);
  });

test("a running server seals what is written within ten seconds, the system's rows too", async () => {
  const running = await startTestServer({ settings: { jobs: true } });
  try {
    const tenant = await running.provision();
    await writeRows(running, tenant.id, 3);
    await writeRows(running, null, 3);
    await until("all rows to be sealed", async () => {
      const [row] = await running.asOwner(
        "select count(*) filter (where tenant_id = $1)::int as own, count(*) filter (where tenant_id = $2)::int as system from app.audit_seals",
        [tenant.id, SYSTEM_TENANT_ID],
      );
      return row.own >= 4 && row.system >= 3 ? true : undefined;
    });
  } finally {
    await running.stop();
  }
});

test("rows of long before the first seal are sealed as they are found; until then nothing counts as sealed", async () => {
  const upgraded = await startTestServer();
  try {
    const { id } = await upgraded.provision();
    await upgraded.asOwner(insert, [id, "2025-03-01T00:00:00Z", 3]);
    expect(await upgraded.asOwner("select seen_at from app.audit_sealer")).toEqual([{ seen_at: null }]);
    expect((await verify(upgraded)).result.sealedUntil).toBeNull();
    await seal(upgraded);
    const { result, problems } = await verify(upgraded);
    expect(problems).toEqual([]);
    expect(result.sealedUntil).not.toBeNull();
  } finally {
    await upgraded.stop();
  }
});

test("a database that drops every connection again and again holds seals up, and none is lost or made twice", async () => {
  const behind = await createPausableDatabase();
  const running = await startTestServer({ database: behind.database, settings: { jobs: true } });
  const sealed = async (): Promise<{ rows: number; twice: number; left: number }> => {
    const [row] =
      await running.asOwner(`select count(*)::int as rows, (count(*) - count(distinct audit_id))::int as twice,
      (select count(*)::int from app.audit_log l where not exists (select from app.audit_seals s where s.tenant_id = l.tenant_id and s.audit_id = l.id)) as left
      from app.audit_seals`);
    return row;
  };
  try {
    const { id } = await running.provision();
    for (let round = 0; round < 5; round += 1) {
      // Whatever the sealer is at, the connection goes; meanwhile others write on.
      behind.cut();
      await until("the database to be back", () =>
        writeRows(running, id, 5).then(
          () => true,
          () => false,
        ),
      );
    }
    await until("all rows to be sealed", async () => (await sealed()).left === 0);
    expect(await sealed()).toMatchObject({ twice: 0, left: 0 });
    expect((await verify(running)).problems).toEqual([]);
  } finally {
    await running.stop();
    await behind.drop();
  }
});

test("a row that was written earlier and committed later is sealed, and holds nobody else up", async () => {
  const { id } = await server.provision();
  await asOwner(async (client) => {
    await client.query("begin");
    await client.query(insert, [id, new Date().toISOString(), 2]);
    await writeRows(server, id, 3);
    await seal(server);
    const [others] = await server.asOwner(
      "select count(*)::int as rows from app.audit_log l where not exists (select from app.audit_seals s where s.tenant_id = l.tenant_id and s.audit_id = l.id)",
    );
    // What it wrote is not seen yet; all that is, is sealed.
    expect(others.rows).toBe(0);
    expect((await verify(server, { tenantId: id })).problems).toEqual([]);
    await client.query("commit");
  });
  expect(await unsealed()).toBeGreaterThanOrEqual(2);
  await seal(server);
  expect(await unsealed()).toBe(0);
  expect((await verify(server)).problems).toEqual([]);
});

test("two processes that seal at once make one chain", async () => {
  const tenants = [await server.provision(), await server.provision()];
  const second = await startTestServer({ database: server.database });
  try {
    const writing = tenants.map(({ id }) => writeRows(server, id, 60));
    let done = false;
    const sealing = [server, second].map(async ({ app }) => {
      while (!done) await sealAll(app).catch((error: { code?: string }) => expect(error.code).toBe("TN000"));
    });
    await Promise.all(writing);
    done = true;
    await Promise.all(sealing);
    await seal(server);
    expect(await unsealed()).toBe(0);
    expect((await verify(server)).problems).toEqual([]);
  } finally {
    await second.fastify.close();
    await second.app.db.close();
  }
});

test("more rows than a batch holds are sealed batch by batch, each once", async () => {
  const { id } = await server.provision();
  await asOwner((client) => client.query(insert, [id, new Date().toISOString(), 5000]));
  const first = await sealBatch(server.app.db, server.app.auditKeys);
  expect(first).toMatchObject({ more: true });
  expect(first.rows).toBeGreaterThan(0);
  // Written between two batches: part of the next pass.
  await writeRows(server, id, 2);
  await seal(server);
  expect(await unsealed()).toBe(0);
  const { problems, result } = await verify(server, { tenantId: id });
  expect(problems).toEqual([]);
  expect(result.rows).toBeGreaterThanOrEqual(5002);
});

test("a clock that jumps loses nothing: rows of the future, of the past, and of months without a partition", async () => {
  const { id } = await server.provision();
  for (const at of ["2031-05-05T00:00:00Z", "2026-11-20T00:00:00Z"]) {
    await asOwner((client) => client.query(insert, [id, at, 3]));
    await seal(server);
    expect(await unsealed()).toBe(0);
  }
  // The sealer looked last while the clock was an hour ahead.
  await server.asOwner("update app.audit_sealer set seen_at = now() + interval '1 hour'");
  await writeRows(server, id, 3);
  await seal(server);
  expect(await unsealed()).toBe(0);
  const found = (await verify(server, { tenantId: id })).problems;
  // Rows three days older than the look before them: that is what it has to say.
  expect(found).toEqual([expect.objectContaining({ problem: "row_backdated", tenantId: id })]);
});

test("a month's partition that is made later takes sealed rows along", async () => {
  const { id } = await server.provision();
  const [next] = await server.asOwner(
    "select (date_trunc('month', now() at time zone 'UTC') + interval '13 months' + interval '5 days') at time zone 'UTC' as at",
  );
  await asOwner((client) => client.query(insert, [id, next.at.toISOString(), 3]));
  await seal(server);
  await server.asOwner("select tenancy.ensure_audit_partitions(14)");
  await seal(server);
  expect((await verify(server, { tenantId: id })).problems).toEqual([]);
});

test("an insertion that claims an earlier time shows, although the sealer sealed it", async () => {
  const { id } = await server.provision();
  await seal(server);
  await asOwner((client) => client.query(insert, [id, "2026-11-01T12:00:00Z", 1]));
  await seal(server);
  expect((await verify(server, { tenantId: id })).problems).toEqual([
    expect.objectContaining({ problem: "row_backdated", tenantId: id, at: "2026-11-01T12:00:00.001Z" }),
  ]);
});

test("a chain that was cut off is gone on with, and never proven again", async () => {
  const { id } = await server.provision();
  await writeRows(server, id, 5);
  await seal(server);
  await server.asOwner(
    "delete from app.audit_log l using app.audit_seals s where s.tenant_id = $1 and s.sequence > 3 and l.tenant_id = s.tenant_id and l.id = s.audit_id",
    [id],
  );
  await server.asOwner("delete from app.audit_seals where tenant_id = $1 and sequence > 3", [id]);
  await server.asOwner(
    "update app.audit_chains c set sequence = 3, hash = (select hash from app.audit_seals s where s.tenant_id = $1 and s.sequence = 3) where tenant_id = $1",
    [id],
  );
  await writeRows(server, id, 3);
  await seal(server);
  await writeRows(server, id, 1);
  await seal(server);
  expect((await verify(server, { tenantId: id })).problems).toEqual([
    expect.objectContaining({ problem: "head_altered", tenantId: id, sequence: 4 }),
  ]);
});

test("a changed key goes on where the old one is kept; where it is not, rows wait for it and that is said", async () => {
  const [old, fresh] = ["old ".repeat(10), "new ".repeat(10)];
  const own = await startTestServer({ settings: { auditKeys: [old] } });
  try {
    const { id } = await own.provision();
    await seal(own);
    const other = await own.restart({ auditKeys: [fresh] });
    await expect(seal(other)).rejects.toThrow(auditKey(old).id);
    const { result, problems } = await verify(other, { tenantId: id });
    expect([result.ok, result.keyKept]).toEqual([false, "apart"]);
    expect(problems).toEqual([
      expect.objectContaining({ problem: "key_unknown", what: expect.stringContaining("TENANTCTL_AUDIT_KEY") }),
    ]);
    const both = await other.restart({ auditKeys: [fresh, old] });
    await writeRows(both, id, 2);
    await seal(both);
    expect((await verify(both)).problems).toEqual([]);
    const keys = await both.asOwner("select distinct key_id from app.audit_seals where tenant_id = $1", [id]);
    expect(keys.map(({ key_id }) => key_id).sort()).toEqual(
      auditKeys([old, fresh], "apart")
        .all.map((key) => key.id)
        .sort(),
    );
    await both.stop();
  } catch (error) {
    await own.stop().catch(() => undefined);
    throw error;
  }
});

test("a hard-deleted tenant's log still holds, without its details", async () => {
  const { id } = await server.provision();
  await writeRows(server, id, 3);
  await seal(server);
  const token = await server.operatorToken();
  const removed = await server.request("POST", `/api/admin/tenants/${id}/delete`, {
    token,
    body: { hardDelete: true, force: true },
  });
  expect(removed.status).toBeLessThan(300);
  await until("the tenant to be purged", async () => {
    const [row] = await server.asOwner("select status from app.tenants where id = $1", [id]);
    return row.status === "purged" ? true : undefined;
  });
  await seal(server);
  const { result, problems } = await verify(server, { tenantId: id });
  expect(problems).toEqual([]);
  expect(result.detailsErased).toBeGreaterThanOrEqual(3);
});

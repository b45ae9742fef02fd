import { randomUUID } from "node:crypto";
import { createWriteStream, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { openDatabase } from "@tenantctl/database";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createDatabase } from "../../database/test/harness/database.ts";
import { archiveOfDatabase } from "../src/restores/archive-of-database.ts";
import { type LocalRestore, restoreFromFile } from "../src/restores/restore-locally.ts";
import { restoreSystem } from "../src/restores/restore-system.ts";
import { archiveOf, digestsOf, downloadArchive, manifestOf } from "./fixture/archives.ts";
import { countUse } from "./fixture/count-use.ts";
import { startTestServer, type TestServer } from "./fixture/server.ts";

let source: TestServer;
let target: TestServer;
const folder = mkdtempSync(join(tmpdir(), "tenantctl-locally-"));

beforeAll(async () => {
  [source, target] = await Promise.all([startTestServer(), startTestServer()]);
});
afterAll(async () => {
  await Promise.all([source?.stop(), target?.stop()]);
  rmSync(folder, { recursive: true, force: true });
});

const local = { actor: "local:ops" };

/** One tenant of one database into another. */
const restoreFrom = async (tenant: string, restore: LocalRestore) => {
  const path = join(folder, randomUUID());
  const { url, prefix } = source.database;
  await archiveOfDatabase({ url, prefix }, tenant, (archive) => pipeline(archive, createWriteStream(path)));
  return restoreFromFile(target.app.db, path, restore);
};

const stateOf = async (server: TestServer, tenant: string) =>
  digestsOf(await manifestOf(await archiveOf(server, tenant)));

test("takes one tenant out of another database, as new and in place, and nothing else of it", async () => {
  const tenant = await source.provision();
  await source.provision();
  await source.asOwner(
    "insert into app.customers (tenant_id, id, name) select $1, gen_random_uuid(), 'c' || n from generate_series(1, 700) n",
    [tenant.id],
  );
  await countUse(source, tenant.id);
  const before = await target.asOwner("select id from app.tenants");
  const preview = await restoreFrom(tenant.slug, {
    ...local,
    mode: "original",
    dryRun: true,
  });
  expect(preview.tables["app.customers"]).toMatchObject({ added: 700 });
  const restored = await restoreFrom(tenant.slug, { ...local, mode: "original" });
  expect(restored).toMatchObject({ tenantId: tenant.id, slug: tenant.slug });
  expect(await stateOf(target, tenant.id)).toEqual(await stateOf(source, tenant.id));
  expect(await target.asOwner("select id from app.tenants")).toHaveLength(before.length + 1);
  await target.asOwner("delete from app.customers where tenant_id = $1", [tenant.id]);
  await restoreFrom(tenant.id, { ...local, mode: "in-place", confirm: tenant.slug });
  expect(await stateOf(target, tenant.id)).toEqual(await stateOf(source, tenant.id));
  const [audit] = await target.asOwner(
    "select actor_type, actor_name from app.audit_log where tenant_id = $1 and action = 'restore' order by at desc limit 1",
    [tenant.id],
  );
  expect(audit).toEqual({ actor_type: "local", actor_name: "local:ops" });
  await expect(restoreFrom("nobody", { ...local, mode: "original" })).rejects.toMatchObject({
    code: "tenant_not_found",
  });
});

test("builds a lost system again from one run: operators, log, tenants' records, then each tenant's data", async () => {
  const tenant = await source.provision();
  const gone = await source.provision();
  const token = await source.operatorToken();
  await source.request("POST", `/api/admin/tenants/${gone.id}/suspend`, { token, body: { reason: "unpaid" } });
  await source.request("PUT", "/api/admin/alert-rules/error_rate", { token, body: { threshold: 1.5, enabled: false } });
  await source.asOwner(
    "insert into app.alerts (id, rule, fingerprint, severity, summary, next_step) values (gen_random_uuid(), 'latency', 'latency:system', 'warning', 'x', 'y')",
  );
  const archives = new Map([
    [tenant.id, await archiveOf(source, tenant.id)],
    [gone.id, await archiveOf(source, gone.id)],
  ]);
  const system = join(folder, "system.tar");
  writeFileSync(system, await downloadArchive(source, "/api/admin/system/archive"));
  const empty = await createDatabase();
  let rebuilt: TestServer | undefined;
  try {
    const into = { url: empty.url, prefix: empty.prefix };
    const { tables, tenants } = await restoreSystem({ ...into, path: system, actor: "local:ops" });
    expect(tables["app.operators"]).toMatchObject({ equal: true, rows: 1 });
    expect(tenants).toEqual(
      expect.arrayContaining([
        { id: tenant.id, slug: tenant.slug, status: "active" },
        { id: gone.id, slug: gone.slug, status: "suspended" },
      ]),
    );
    const db = await openDatabase(into);
    try {
      for (const [id, archive] of archives) {
        const path = join(folder, `${id}.tar`);
        writeFileSync(path, archive);
        const slug = tenants.find((one) => one.id === id)?.slug;
        await restoreFromFile(db, path, { ...local, mode: "in-place", confirm: slug });
      }
    } finally {
      await db.close();
    }
    rebuilt = await startTestServer({ database: empty });
    for (const [id, archive] of archives) {
      expect(await stateOf(rebuilt, id)).toEqual(digestsOf(await manifestOf(archive)));
    }
    await rebuilt.login(tenant.admin);
    expect(
      (await rebuilt.request("GET", `/api/admin/tenants/${gone.id}`, { token: await rebuilt.operatorToken() })).body,
    ).toMatchObject({ status: "suspended", statusReason: "unpaid" });
    // What is watched comes back; what was wrong with the lost system is found anew.
    const rule = await rebuilt.asOwner(
      "select r.threshold, r.enabled, (select count(*)::int from app.alerts) as alerts from app.alert_rules r where name = 'error_rate'",
    );
    expect(rule).toEqual([{ threshold: 1.5, enabled: false, alerts: 0 }]);
    const log = await rebuilt.asOwner(
      "select count(*)::int as n from app.audit_log where tenant_id = $1 and action = 'suspend'",
      [gone.id],
    );
    expect(log).toEqual([{ n: 1 }]);
    await expect(restoreSystem({ ...into, path: system, actor: "local:ops" })).rejects.toMatchObject({
      code: "transition_forbidden",
    });
  } finally {
    await (rebuilt?.stop() ?? empty.drop());
  }
});

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DeletionCertificate } from "@tenantctl/contract";
import { readCatalogue } from "@tenantctl/database";
import { Ajv } from "ajv";
import formats from "ajv-formats";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { withClient } from "../../database/test/harness/database.ts";
import { holdRow } from "./fixture/hold-row.ts";
import { type Provisioned, startTestServer, type TestServer } from "./fixture/server.ts";
import { until } from "./fixture/until.ts";

let server: TestServer;
let token: string;
beforeAll(async () => {
  server = await startTestServer();
  token = await server.operatorToken();
});
afterAll(() => server.stop());

const call = (method: string, path: string, body?: object) =>
  server.request(method, `/api/admin/${path}`, { token, ...(body === undefined ? {} : { body }) });
const remove = (tenant: Provisioned) =>
  call("POST", `tenants/${tenant.id}/delete`, { hardDelete: true, force: true, reason: "contract ended" });
const operationOf = async (tenant: Provisioned) => (await call("GET", `operations?tenantId=${tenant.id}`)).body[0];
const addCustomers = (tenant: Provisioned, count: number) =>
  server.asOwner(
    "insert into app.customers (tenant_id, id, name) select $1, gen_random_uuid(), 'C' || n from generate_series(1, $2::int) n",
    [tenant.id, count],
  );

const ajv = new Ajv({ strict: true, strictTypes: false, allErrors: true });
formats.default(ajv, ["date-time"]);
const isCertificate = ajv.compile<DeletionCertificate>(DeletionCertificate);

/** The certificate that the hard delete ended with, checked against its schema. */
const certificateOf = async (tenant: Provisioned): Promise<DeletionCertificate> => {
  const { id } = await operationOf(tenant);
  const { result } = (await call("GET", `operations/${id}`)).body;
  if (!isCertificate(result)) throw new Error(`${ajv.errorsText(isCertificate.errors)} in ${JSON.stringify(result)}`);
  return result;
};

/** The digest as anybody with jq and sha256sum finds it. */
const digestByHand = (certificate: DeletionCertificate): string => {
  const dir = mkdtempSync(join(tmpdir(), "tenantctl-certificate-"));
  try {
    writeFileSync(join(dir, "certificate.json"), JSON.stringify(certificate, undefined, 2));
    const text = execFileSync("bash", ["-c", "jq -cSj 'del(.digest)' certificate.json | sha256sum"], { cwd: dir });
    return text.toString().slice(0, 64);
  } finally {
    rmSync(dir, { recursive: true });
  }
};

describe("the certificate of a hard delete", () => {
  it("says what was removed, when, for whom, that nothing is left, and which backups still hold it", async () => {
    const tenant = await server.provision();
    const neighbour = await server.provision();
    await addCustomers(tenant, 7000);
    const run = (runId: string, more: object = {}) => ({
      runId,
      kind: "backup",
      repository: "/var/backups",
      host: "backup1",
      startedAt: "2026-01-01T02:30:00.000Z",
      finishedAt: "2026-01-01T02:31:00.000Z",
      exitCode: 0,
      items: [tenant, neighbour].map(({ id }) => ({
        tenantId: id,
        outcome: "ok",
        snapshotAt: "2026-01-01T02:30:01.000Z",
        sha256: "cd".repeat(32),
      })),
      ...more,
    });
    for (const body of [
      run("holds-it", { expiresAt: "2026-02-05T02:30:00.000Z" }),
      run("holds-it-for-ever", {
        items: [{ tenantId: tenant.id, outcome: "ok", snapshotAt: "2025-12-01T02:30:01.000Z" }],
      }),
      run("was-pruned"),
      run("was-pruned", { items: [{ tenantId: tenant.id, outcome: "gone" }] }),
      run("failed", { items: [{ tenantId: tenant.id, outcome: "failed" }] }),
      run("of-a-neighbour", { items: [{ tenantId: neighbour.id, outcome: "ok" }] }),
      run("only-verified", { kind: "verify" }),
    ]) {
      expect((await call("POST", "backups/runs", body)).status).toBe(200);
    }
    const removed = await remove(tenant);
    expect(removed.status, removed.text).toBe(200);
    const certificate = await certificateOf(tenant);
    expect(removed.body.operation.result).toEqual(certificate);
    expect(certificate).toMatchObject({
      operationId: removed.body.operation.id,
      tenantId: tenant.id,
      slug: tenant.slug,
      requestedBy: server.operator.email,
      startedAt: removed.body.operation.startedAt,
      finishedAt: removed.body.operation.finishedAt,
      removed: { customers: 7000, users: 1 },
      kept: [
        "access_log",
        "audit_chains",
        "audit_log",
        "audit_seals",
        "tenant_sizes",
        "usage_days",
        "usage_minutes",
        "usage_rollups",
      ],
      backups: [
        {
          runId: "holds-it",
          repository: "/var/backups",
          host: "backup1",
          snapshotAt: "2026-01-01T02:30:01.000Z",
          sha256: "cd".repeat(32),
          expiresAt: "2026-02-05T02:30:00.000Z",
        },
        { runId: "holds-it-for-ever", expiresAt: null },
      ],
    });
    // Every protected table was scanned, with the rows that were there before as the control.
    const tables = (await readCatalogue(server.app.db.operator())).deletionOrder().map(({ table }) => table);
    expect(Object.keys(certificate.scan).sort()).toEqual(tables.sort());
    for (const [table, { before, after }] of Object.entries(certificate.scan)) {
      expect([table, after, before]).toEqual([table, 0, certificate.removed[table] ?? 0]);
    }
    expect(certificate.scan.customers?.before).toBe(7000);
    expect(digestByHand(certificate)).toBe(certificate.digest);
    const [audit] = await server.asOwner<{ detail: string }>(
      "select detail from app.audit_log where tenant_id = $1 and action = 'purge'",
      [tenant.id],
    );
    expect(audit?.detail).toContain(certificate.digest);
    expect(JSON.stringify(certificate)).not.toMatch(/Tenant t-|contact@/);
  });

  it("is refused, saying where, while a table keeps its rows", async () => {
    const tenant = await server.provision();
    await addCustomers(tenant, 3);
    await server.asOwner(`create function public.keep() returns trigger language plpgsql as 'begin return null; end'`);
    await server.asOwner(
      "create trigger keeps before delete on app.customers for each row execute function public.keep()",
    );
    try {
      const failed = await remove(tenant);
      expect(failed.status).toBe(500);
      expect(failed.body.detail).toContain("customers 3");
      expect(await operationOf(tenant)).toMatchObject({
        status: "failed",
        result: null,
        error: expect.stringContaining("customers 3"),
      });
    } finally {
      await server.asOwner("drop function public.keep() cascade");
    }
    expect((await remove(tenant)).status).toBe(200);
    expect((await certificateOf(tenant)).removed).toMatchObject({ customers: 3, users: 1 });
  });

  it("is refused where a policy could hide rows from the scan", async () => {
    const tenant = await server.provision();
    await server.asOwner("create policy hides on app.customers as restrictive for select using (name <> 'C1')");
    try {
      const failed = await remove(tenant);
      expect([failed.status, (await operationOf(tenant)).status]).toEqual([500, "failed"]);
      expect(failed.body.detail).toContain("app.customers");
    } finally {
      await server.asOwner("drop policy hides on app.customers");
    }
    expect((await remove(tenant)).status).toBe(200);
  });
});

it("while a tenant is removed, another's writes go on and no table is locked against anybody", async () => {
  const tenant = await server.provision();
  const neighbour = await server.provision();
  await addCustomers(tenant, 12_000);
  const letGo = await holdRow(server.database, "app.customers", tenant.id);
  const removing = remove(tenant);
  await until("its users are gone", async () => (await operationOf(tenant))?.progress.users === 1);
  const locks = () =>
    withClient(server.database.cluster.adminUrl, async (client) => {
      const { rows } = await client.query<{ application: string; mode: string; granted: boolean; type: string }>(
        `select a.application_name as application, l.mode, l.granted, l.locktype as type
         from pg_locks l join pg_stat_activity a using (pid) where a.datname = $1 and a.application_name like 'tenantctl %'`,
        [server.database.name],
      );
      return rows;
    });
  // The batch stands in the middle of its work, with all its locks.
  await until("it waits for a lock", async () => (await locks()).some(({ granted }) => !granted));
  for (let count = 0; count < 25; count += 1) {
    const { status } = await server.request("POST", "/api/customers", {
      token: neighbour.token,
      body: { name: "Meanwhile" },
    });
    expect(status).toBe(201);
  }
  const held = await locks();
  const onTables = held.filter(({ type }) => type === "relation").map(({ mode }) => mode);
  expect(new Set(onTables).size).toBeGreaterThan(0);
  for (const mode of onTables) expect(["AccessShareLock", "RowShareLock", "RowExclusiveLock"]).toContain(mode);
  expect(held.filter(({ application, granted }) => application === "tenantctl tenant" && !granted)).toEqual([]);

  let over = false;
  let written = 0;
  const writing = (async () => {
    while (!over) {
      const { status } = await server.request("POST", "/api/customers", {
        token: neighbour.token,
        body: { name: "Still" },
      });
      // A removal that takes long lets so many through that the minute's requests are used up.
      expect([201, 429]).toContain(status);
      if (status === 201) written += 1;
    }
  })();
  await letGo();
  // A busy machine takes longer than the ten seconds after which the answer is 202.
  expect([200, 202]).toContain((await removing).status);
  await until("it ends", async () => (await operationOf(tenant))?.status === "succeeded").finally(() => {
    over = true;
  });
  await writing;
  expect(written).toBeGreaterThan(0);
});

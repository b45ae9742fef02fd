import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { evaluateAlerts } from "../src/alerts/evaluate.ts";
import { forgetOldRuns } from "../src/backups/forget-old-runs.ts";
import { checkAnswer } from "./fixture/contract-answer.ts";
import { type Provisioned, startTestServer, type TestServer } from "./fixture/server.ts";

let server: TestServer;
let token: string;
beforeAll(async () => {
  server = await startTestServer();
  token = await server.operatorToken();
});
afterAll(() => server.stop());

const call = (method: string, path: string, body?: object) =>
  server.request(method, `/api/admin/${path}`, { token, ...(body === undefined ? {} : { body }) });

const hour = 3_600_000;
const ago = (hours: number): string => new Date(Date.now() - hours * hour).toISOString();
const sha256 = "ab".repeat(32);

let runs = 0;
const newRun = (fields: object = {}) => {
  runs += 1;
  const startedAt = ago(1);
  return {
    runId: `run-${runs}`,
    kind: "backup",
    repository: "/var/backups",
    host: "backup1",
    startedAt,
    finishedAt: new Date(Date.parse(startedAt) + 8000).toISOString(),
    exitCode: 0,
    items: [] as object[],
    ...fields,
  };
};
const item = (tenantId: string | null, fields: object = {}) => ({
  tenantId,
  outcome: "ok",
  snapshotAt: ago(1),
  bytes: 1000,
  sha256,
  seconds: 0.5,
  ...fields,
});
const report = async (body: object) => {
  const reply = await call("POST", "backups/runs", body);
  expect(reply.status, reply.text).toBe(200);
  checkAnswer("backups.report", reply.status, reply.body);
  return reply.body;
};
const factsOf = async (tenant: Provisioned) => (await call("GET", `tenants/${tenant.slug}`)).body.backup;
const auditRows = async (): Promise<number> =>
  Number(
    (await server.asOwner<{ n: string }>("select count(*) as n from app.audit_log where resource_type = 'backup'"))[0]
      ?.n,
  );

describe("the lock of backup runs", () => {
  const acquire = (holder: string, seconds?: number) =>
    call("POST", "backups/lease", { holder, ...(seconds === undefined ? {} : { seconds }) });

  it("is held by one run at a time, and names its holder to the others", async () => {
    const answers = await Promise.all(Array.from({ length: 8 }, (_, index) => acquire(`host${index} pid 1 /backups`)));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, ...Array(7).fill(409)]);
    const winner = answers.find(({ status }) => status === 201)?.body;
    for (const { status, body, headers } of answers) {
      if (status === 201) continue;
      expect(body.code).toBe("lease_held");
      expect(body.detail).toContain(winner.holder);
      expect(Number(headers.get("retry-after"))).toBeGreaterThan(0);
    }
    const renewed = await call("PUT", `backups/lease/${winner.id}`, { seconds: 600 });
    expect(Date.parse(renewed.body.expiresAt)).toBeGreaterThan(Date.parse(winner.expiresAt));
    expect((await call("DELETE", `backups/lease/${winner.id}`)).status).toBe(200);
    expect((await call("DELETE", `backups/lease/${winner.id}`)).body.code).toBe("lease_lost");
    const next = await acquire("next");
    expect(next.status).toBe(201);
    await call("DELETE", `backups/lease/${next.body.id}`);
  });

  it("of a dead run ends by the database's clock; its holder then finds it lost", async () => {
    const dead = (await acquire("dead", 5)).body;
    expect((await acquire("too early")).status).toBe(409);
    await server.asOwner("update app.backup_lease set expires_at = now() - interval '1 second'");
    // Nobody has taken it: whoever was only slow keeps it.
    expect((await call("PUT", `backups/lease/${dead.id}`, { seconds: 5 })).status).toBe(200);
    await server.asOwner("update app.backup_lease set expires_at = now() - interval '1 second'");
    const taken = await acquire("successor");
    expect(taken.status).toBe(201);
    for (const [method, body] of [["PUT", {}] as const, ["DELETE", undefined] as const]) {
      const late = await call(method, `backups/lease/${dead.id}`, body);
      expect([late.status, late.body.code]).toEqual([409, "lease_lost"]);
    }
    expect((await acquire("third")).body.detail).toContain("successor");
    await call("DELETE", `backups/lease/${taken.body.id}`);
  });
});

describe("a reported run", () => {
  it("says of each tenant when it was last backed up, verified and drilled: three facts", async () => {
    const [one, other] = [await server.provision(), await server.provision()];
    expect(await factsOf(one)).toEqual({
      lastBackupAt: null,
      lastVerifiedAt: null,
      lastDrilledAt: null,
      lastBackupBytes: null,
    });
    const snapshotAt = ago(3);
    const backup = newRun({
      items: [
        item(one.id, { snapshotAt, bytes: 4711 }),
        item(other.id, { outcome: "failed", error: "gone" }),
        item(null),
      ],
    });
    expect(await report(backup)).toMatchObject({ ok: 1, failed: 1, bytes: 5711, exitCode: 0 });
    expect(await factsOf(one)).toMatchObject({ lastBackupAt: snapshotAt, lastBackupBytes: 4711, lastVerifiedAt: null });
    expect((await factsOf(other)).lastBackupAt).toBeNull();

    const verify = newRun({ kind: "verify", items: [item(one.id)] });
    await report(verify);
    const drill = newRun({ kind: "drill", startedAt: ago(0.5), items: [item(one.id)] });
    await report(drill);
    expect(await factsOf(one)).toEqual({
      lastBackupAt: snapshotAt,
      lastBackupBytes: 4711,
      lastVerifiedAt: verify.startedAt,
      lastDrilledAt: drill.startedAt,
    });
    // An older backup that is reported late takes nothing back.
    await report(newRun({ items: [item(one.id, { snapshotAt: ago(50), bytes: 1 })] }));
    expect(await factsOf(one)).toMatchObject({ lastBackupAt: snapshotAt, lastBackupBytes: 4711 });

    const listed = await call("GET", `backups/runs?tenantId=${one.slug}&kind=backup`);
    expect(listed.body.map(({ runId }: { runId: string }) => runId)).toContain(backup.runId);
    expect((await call("GET", `backups/runs?tenantId=${one.slug}&kind=drill`)).body).toHaveLength(1);
  });

  it("comes in parts and any number of times; the same again changes nothing and is not audited", async () => {
    const tenants = [await server.provision(), await server.provision()];
    const [one, two] = tenants.map(({ id }) => item(id)) as [object, object];
    const { finishedAt, exitCode, ...begun } = newRun();
    await report({ ...begun, items: [one] });
    // A run that has not ended is not yet a backup.
    expect((await factsOf(tenants[0] as Provisioned)).lastBackupAt).toBeNull();
    const whole = { ...begun, finishedAt, exitCode, items: [two] };
    expect(await report(whole)).toMatchObject({ ok: 2, failed: 0, bytes: 2000 });
    for (const tenant of tenants) expect((await factsOf(tenant)).lastBackupAt).not.toBeNull();

    const before = await auditRows();
    const again = await Promise.all([report(whole), report(whole), report({ ...begun, items: [one] })]);
    expect(again.map(({ ok }) => ok)).toEqual([2, 2, 2]);
    expect(await auditRows()).toBe(before);

    // What is said anew counts: of a tenant named twice the last.
    const { id } = tenants[0] as Provisioned;
    await report({ ...whole, items: [item(id), item(id, { outcome: "failed", error: "cut short" })] });
    expect((await factsOf(tenants[0] as Provisioned)).lastBackupAt).toBeNull();
    expect(await auditRows()).toBe(before + 1);
  });

  it("whose files were pruned counts no more", async () => {
    const tenant = await server.provision();
    const snapshotAt = ago(49);
    const old = newRun({ startedAt: snapshotAt, items: [item(tenant.id, { snapshotAt })] });
    const young = newRun({ items: [item(tenant.id)] });
    await report(old);
    await report(young);
    const { lastBackupAt } = await factsOf(tenant);
    await report({ ...young, items: [{ tenantId: tenant.id, outcome: "gone" }] });
    expect((await factsOf(tenant)).lastBackupAt).toBe(snapshotAt);
    expect((await factsOf(tenant)).lastBackupAt).not.toBe(lastBackupAt);

    // A run of which nothing is left is forgotten after a while; one that holds something never.
    await server.asOwner(
      "update app.backup_runs set started_at = now() - interval '500 days' where run_id = any ($1)",
      [[old.runId, young.runId]],
    );
    await forgetOldRuns(server.app);
    const left = (await call("GET", `backups/runs?tenantId=${tenant.id}`)).body;
    expect(left.map(({ runId }: { runId: string }) => runId)).toEqual([old.runId]);
  });

  it("that a verification found damaged counts no more, until one finds it whole", async () => {
    const [tenant, other] = [await server.provision(), await server.provision()];
    const snapshotAt = ago(49);
    await report(newRun({ startedAt: snapshotAt, items: [item(tenant.id, { snapshotAt, bytes: 7 })] }));
    const young = newRun({ items: [item(tenant.id), item(other.id)] });
    await report(young);
    const { lastBackupAt } = await factsOf(tenant);
    const found = (outcome: string, fields: object = {}) =>
      report({
        ...young,
        kind: "verify",
        exitCode: 10,
        items: [item(tenant.id, { outcome }), item(other.id)],
        ...fields,
      });

    // Damage to a copy elsewhere says nothing of the files that were reported.
    await found("failed", { repository: "/mnt/offsite" });
    expect(await factsOf(tenant)).toMatchObject({ lastBackupAt });
    await found("failed");
    expect(await factsOf(tenant)).toMatchObject({ lastBackupAt: snapshotAt, lastBackupBytes: 7, lastVerifiedAt: null });
    expect(await factsOf(other)).toMatchObject({ lastBackupAt, lastVerifiedAt: young.startedAt });
    await found("ok", { exitCode: 0 });
    expect(await factsOf(tenant)).toMatchObject({ lastBackupAt, lastVerifiedAt: young.startedAt });
  });

  it("says when its files expire, and which hold a tenant still", async () => {
    const [one, other] = [await server.provision(), await server.provision()];
    const expiresAt = ago(-24 * 35);
    const { finishedAt, exitCode, ...begun } = newRun({ items: [item(one.id), item(other.id)] });
    expect(await report({ ...begun, expiresAt })).toMatchObject({ expiresAt });
    // What is left out stays as it was.
    expect(await report({ ...begun, finishedAt, exitCode })).toMatchObject({ expiresAt });
    const unlimited = newRun({ startedAt: ago(2), items: [item(one.id)] });
    expect(await report(unlimited)).toMatchObject({ expiresAt: null });
    await report(newRun({ kind: "verify", items: [item(one.id)] }));
    const holding = async (query: string) => {
      const reply = await call("GET", `backups/runs?holding=true&${query}`);
      checkAnswer("backups.runs", reply.status, reply.body);
      return reply.body.map((run: { runId: string; expiresAt: string | null }) => [run.runId, run.expiresAt]);
    };
    const both = [
      [begun.runId, expiresAt],
      [unlimited.runId, null],
    ];
    expect(await holding(`tenantId=${one.slug}`)).toEqual(both);
    expect(await holding("")).toEqual(expect.arrayContaining(both));
    await report({ ...begun, items: [{ tenantId: one.id, outcome: "gone" }] });
    expect(await holding(`tenantId=${one.slug}`)).toEqual(both.slice(1));
    expect(await holding(`tenantId=${other.slug}`)).toEqual(both.slice(0, 1));
  });

  it("cannot put a fact into the future, nor bring in tenants that never were", async () => {
    const tenant = await server.provision();
    const absent = "01890000-0000-7000-8000-00000000dead";
    await report(newRun({ items: [item(tenant.id, { snapshotAt: ago(-1000) }), item(absent)] }));
    expect(Date.parse((await factsOf(tenant)).lastBackupAt)).toBeLessThanOrEqual(Date.now());
    expect(await server.asOwner("select from app.backup_facts where tenant_id = $1", [absent])).toEqual([]);
  });

  it("is listed page by page, each run once", async () => {
    for (let count = 0; count < 3; count += 1) await report(newRun());
    const all = (await call("GET", "backups/runs")).body.map(({ runId }: { runId: string }) => runId);
    const seen: string[] = [];
    let next: string | undefined = "backups/runs?limit=2";
    while (next !== undefined) {
      const reply = await call("GET", next);
      checkAnswer("backups.runs", reply.status, reply.body);
      seen.push(...reply.body.map(({ runId }: { runId: string }) => runId));
      next = /<\/api\/admin\/([^>]+)>; rel="next"/.exec(reply.headers.get("link") ?? "")?.[1];
    }
    expect(seen).toEqual(all);
  });
});

describe("who is late", () => {
  const overdue = async (rule: string) => {
    await evaluateAlerts(server.app.db);
    const { body } = await call("GET", "alerts?limit=1000");
    return body.filter((alert: { rule: string }) => alert.rule === rule);
  };
  const backUpAll = async (kind = "backup"): Promise<void> => {
    const { body } = await call("GET", "tenants?includeDeleted=true");
    await report(newRun({ kind, items: body.map(({ id }: { id: string }) => item(id)) }));
  };
  const age = (tenant: Provisioned, hours: number) =>
    server.asOwner("update app.tenants set created_at = now() - make_interval(hours => $2) where id = $1", [
      tenant.id,
      hours,
    ]);

  it("is nobody on a fresh system; then one alert counts them and names the longest", async () => {
    await backUpAll();
    const fresh = await server.provision();
    expect(await overdue("backup_overdue")).toEqual([]);
    const status = (await call("GET", "status")).body.backups;
    expect(status).toMatchObject({ withoutRecentBackup: 0 });

    const deleted = await server.provision();
    await call("POST", `tenants/${deleted.id}/delete`, {});
    await age(fresh, 30);
    await age(deleted, 300);
    const [alert, ...more] = await overdue("backup_overdue");
    expect(more).toEqual([]);
    expect(alert).toMatchObject({
      severity: "critical",
      tenantId: null,
      next: "tenantctl backup status",
      evidence: { tenants: 2, hours: 26 },
    });
    expect(alert.evidence.worst.map(({ slug }: { slug: string }) => slug)).toEqual([deleted.slug, fresh.slug]);
    expect(alert.summary).toMatch(new RegExp(`^2 of \\d+ tenants .*${deleted.slug}, 300 hours`));
    expect((await call("GET", "status")).body.backups.withoutRecentBackup).toBe(2);

    const listed = await call("GET", "backups/status?olderThanHours=26");
    checkAnswer("backups.status", listed.status, listed.body);
    expect(listed.body.map(({ slug }: { slug: string }) => slug)).toEqual([deleted.slug, fresh.slug]);
    const page = await call("GET", "backups/status?olderThanHours=26&limit=1");
    const next = /<\/api\/admin\/([^>]+)>; rel="next"/.exec(page.headers.get("link") ?? "")?.[1] ?? "";
    expect((await call("GET", next)).body.map(({ slug }: { slug: string }) => slug)).toEqual([fresh.slug]);

    await backUpAll();
    expect(await overdue("backup_overdue")).toEqual([]);
    expect((await call("GET", "backups/status?olderThanHours=26")).body).toEqual([]);
  });

  it("with trying: nobody has verified for 7 days, or drilled for 35, counted from the first tenant", async () => {
    await server.asOwner("update app.backup_facts set last_verified_at = null, last_drilled_at = null");
    await server.asOwner("update app.tenants set created_at = now()");
    expect(await overdue("verify_overdue")).toEqual([]);
    const first = await server.provision();
    await age(first, 24 * 36);
    await backUpAll();
    expect(await overdue("verify_overdue")).toMatchObject([{ severity: "warning", tenantId: null }]);
    expect(await overdue("drill_overdue")).toMatchObject([
      { severity: "warning", summary: "no backup was ever restored in a drill" },
    ]);
    await backUpAll("verify");
    expect(await overdue("verify_overdue")).toEqual([]);
    await backUpAll("drill");
    expect(await overdue("drill_overdue")).toEqual([]);
    const { body } = await call("GET", "status");
    checkAnswer("status.get", 200, body);
    expect(body.backups.lastDrilledAt).not.toBeNull();
    await server.asOwner("update app.backup_facts set last_drilled_at = now() - interval '40 days'");
    expect((await overdue("drill_overdue"))[0].summary).toBe("no backup was restored in a drill for 40 days");
  });
});

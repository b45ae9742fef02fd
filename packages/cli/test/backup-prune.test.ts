import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Checks } from "../src/backup/checks.ts";
import { type Keep, prunePlan } from "../src/backup/prune-plan.ts";
import type { StoredRun } from "../src/backup/repository.ts";
import type { ItemRecord, RunRecord } from "../src/backup/run-record.ts";
import { type ArchiveServer, idOf, startArchiveServer } from "./archive-server.ts";
import { type BackupHome, makeBackupHome } from "./fixture/backup-home.ts";

const now = Date.parse("2026-11-23T12:00:00.000Z");
const dayMs = 86_400_000;
const timeOf = (daysAgo: number): Date => new Date(now - daysAgo * dayMs - 9 * 3_600_000);
const idAt = (daysAgo: number): string =>
  `${timeOf(daysAgo)
    .toISOString()
    .replace(/[-:]|\.\d+/g, "")}-0000`;

const item = (name: string, at: string, outcome: ItemRecord["outcome"] = "saved"): ItemRecord => ({
  outcome,
  file: outcome === "saved" ? `${name}.tar` : null,
  bytes: outcome === "saved" ? 1000 : 0,
  sha256: outcome === "saved" ? "a".repeat(64) : null,
  snapshotAt: outcome === "saved" ? at : null,
  rows: null,
  attempts: 1,
  seconds: 1,
  error: null,
});

const recordAt = (daysAgo: number, slugs: readonly string[], failed: readonly string[] = []): RunRecord => {
  const at = timeOf(daysAgo).toISOString();
  return {
    format: "tenantctl-run/2",
    run: idAt(daysAgo),
    api: "http://localhost:5000",
    host: "backup1",
    startedAt: at,
    finishedAt: at,
    all: true,
    recipients: [],
    saved: slugs.length - failed.length,
    failed: failed.length,
    gone: 0,
    bytes: 1000 * (slugs.length + 1),
    system: item("system", at),
    tenants: slugs.map((slug, index) => ({
      id: idOf(index),
      slug,
      status: "active",
      ...item(slug, at, failed.includes(slug) ? "failed" : "saved"),
    })),
  };
};

const stored = (record: RunRecord): StoredRun => ({ state: "finished", id: record.run, path: record.run, record });
const none: Keep = { daily: 0, weekly: 0, monthly: 0 };
const plan = (runs: readonly StoredRun[], keep: Partial<Keep>, more: Partial<Parameters<typeof prunePlan>[0]> = {}) =>
  prunePlan({
    runs,
    checks: new Map<string, Checks>(),
    keep: { ...none, ...keep },
    held: new Set(),
    living: new Set([idOf(0), idOf(1)]),
    now,
    ...more,
  });
const kept = (plans: ReturnType<typeof plan>): string[] =>
  plans.filter(({ action }) => action !== "remove").map(({ run }) => run.id);

/** Days ago, oldest first, as runs lie in a repository. */
const days = (...ago: number[]): StoredRun[] => ago.map((day) => stored(recordAt(day, ["acme", "globex"])));

describe("what is kept", () => {
  it("the newest of so many days, weeks and months that have one", () => {
    const runs = days(...Array.from({ length: 100 }, (_, index) => 99 - index));
    expect(kept(plan(runs, { daily: 3 }))).toEqual([2, 1, 0].map(idAt));
    // 2026-11-23 is a Monday: the week before ended the day before.
    expect(kept(plan(runs, { weekly: 3 }))).toEqual([8, 1, 0].map(idAt));
    expect(kept(plan(runs, { monthly: 3 }))).toEqual([54, 23, 0].map(idAt));
    expect(kept(plan(runs, { daily: 2, weekly: 2, monthly: 2 }))).toEqual([23, 1, 0].map(idAt));
  });

  it("the newest of two on one day", () => {
    const early = recordAt(0.1, ["acme", "globex"]);
    const late = recordAt(0, ["acme", "globex"]);
    expect(kept(plan([stored(early), stored(late)], { daily: 5 }))).toEqual([late.run]);
  });

  it("what is whole of a day, month or week, before what was found damaged", () => {
    const early = recordAt(40.1, ["acme"]);
    const runs = [stored(early), ...days(40, 0)];
    const damaged = { at: "2026-11-23T00:00:00.000Z", ok: false, seconds: 1, detail: "flipped" };
    const checks = new Map<string, Checks>([[idAt(40), { verified: { "acme.tar": damaged }, drilled: {} }]]);
    const [first, second] = plan(runs, { monthly: 2 }, { checks });
    expect(first?.removed.map(({ name }) => name)).toEqual(["system"]);
    expect(second?.removed.map(({ name }) => name)).toEqual(["acme"]);
    // Better damaged than nothing.
    checks.set(early.run, { verified: { "acme.tar": damaged }, drilled: {} });
    expect(plan(runs, { monthly: 2 }, { checks })[1]?.removed).toEqual([]);
  });

  it("a tenant's newest, where later runs failed for it; the rest of that run goes", () => {
    const runs = [...days(9), ...[2, 1, 0].map((day) => stored(recordAt(day, ["acme", "globex"], ["globex"])))];
    const [old, ...others] = plan(runs, { daily: 1 });
    expect(old?.action).toBe("thin");
    expect(old?.removed.map(({ name }) => name)).toEqual(["system", "acme"]);
    expect(old?.why).toEqual(["newest backup of globex"]);
    expect(others.map(({ action }) => action)).toEqual(["remove", "remove", "keep"]);
  });

  it("a tenant's newest verified, and not one that was found damaged", () => {
    const runs = days(9, 5, 0);
    const check = (ok: boolean) => ({ at: "2026-11-23T00:00:00.000Z", ok, seconds: 1, detail: null });
    const checks = new Map<string, Checks>([
      [idAt(9), { verified: { "acme.tar": check(true) }, drilled: {} }],
      [idAt(0), { verified: { "globex.tar": check(false) }, drilled: {} }],
    ]);
    const [old, middle] = plan(runs, { daily: 1 }, { checks });
    expect(old?.why).toEqual(["newest verified backup of acme"]);
    expect(middle?.why).toEqual(["newest backup of globex"]);
  });

  it("everything of a tenant under a legal hold, and nothing for ever of one that was purged", () => {
    const runs = days(60, 30, 0);
    const held = plan(runs, { daily: 1 }, { held: new Set([idOf(1)]), living: new Set([idOf(0)]) });
    expect(held.map(({ action, why }) => [action, why])).toEqual([
      ["thin", ["legal hold on globex"]],
      ["thin", ["legal hold on globex"]],
      ["keep", ["daily"]],
    ]);
    const before = stored(recordAt(40, ["acme", "globex"]));
    const since = [20, 0].map((day) => stored(recordAt(day, ["acme"])));
    expect(kept(plan([before, ...since], { daily: 2 }, { living: new Set([idOf(0)]) }))).toEqual([20, 0].map(idAt));
    // Where nobody can say who was purged, all count as living.
    expect(kept(plan([before, ...since], { daily: 2 }, { living: undefined }))).toEqual([40, 20, 0].map(idAt));
  });

  it("nothing that has expired, but a living tenant's newest and newest verified", () => {
    const expiring = (daysAgo: number, afterDays: number, slugs = ["acme", "globex"]): StoredRun => {
      const expiresAt = new Date(timeOf(daysAgo).getTime() + afterDays * dayMs).toISOString();
      return stored({ ...recordAt(daysAgo, slugs), expiresAt });
    };
    const young = [expiring(3, 35), expiring(2, 1), ...days(1)];
    // Expired, though the numbers would keep it; what has not expired makes no room for it.
    expect(kept(plan(young, { daily: 9 }))).toEqual([3, 1].map(idAt));
    expect(kept(plan(young, { daily: 1 }))).toEqual([1].map(idAt));
    // Without numbers nothing else goes.
    expect(kept(plan(young, {}, { keep: undefined }))).toEqual([3, 1].map(idAt));
    expect(plan(young, {}, { keep: undefined }).map(({ why }) => why)).toEqual([["not expired"], [], ["not expired"]]);
    const all = [expiring(9, 1), expiring(8, 1), expiring(7, 1)];
    const check = { at: "2026-11-23T00:00:00.000Z", ok: true, seconds: 1, detail: null };
    const checks = new Map<string, Checks>([[idAt(9), { verified: { "acme.tar": check }, drilled: {} }]]);
    expect(plan(all, {}, { keep: undefined, checks }).map(({ action, why }) => [action, why])).toEqual([
      ["thin", ["newest verified backup of acme"]],
      ["remove", []],
      ["keep", ["newest backup of system", "newest backup of acme", "newest backup of globex"]],
    ]);
  });

  it("nothing of a purged tenant that has expired, be it the newest, the only one or within the numbers; a hold keeps it", () => {
    const expiresAt = timeOf(0.5).toISOString();
    // After it was purged nobody backed anything up any more: the numbers alone would keep this for ever.
    const last = stored({ ...recordAt(3, ["acme", "globex"]), expiresAt });
    const alone = stored({ ...recordAt(2, ["acme"]), system: null, expiresAt });
    const purged = { living: new Set([idOf(1)]) };
    for (const keep of [undefined, { ...none, daily: 30 }]) {
      const [first, second] = plan([last, alone], {}, { ...purged, keep });
      expect([first?.action, first?.why]).toEqual(["thin", ["newest backup of system", "newest backup of globex"]]);
      expect(second?.action).toBe("remove");
      const held = plan([last, alone], {}, { ...purged, keep, held: new Set([idOf(0)]) });
      expect(held.map(({ action }) => action)).toEqual(["keep", "keep"]);
    }
  });

  it("unfinished runs for a day, and what cannot be understood for ever", () => {
    const odd = (state: "unfinished" | "unreadable", day: number): StoredRun => ({
      state,
      id: idAt(day),
      path: idAt(day),
      why: state,
    });
    const runs = [odd("unreadable", 90), odd("unfinished", 3), odd("unfinished", 0.2), ...days(0)];
    expect(kept(plan(runs, { daily: 1 }))).toEqual([90, 0.2, 0].map(idAt));
  });
});

describe("tenantctl backup prune", () => {
  let server: ArchiveServer;
  let at: BackupHome;
  beforeEach(async () => {
    server = await startArchiveServer(["acme", "globex"]);
    at = makeBackupHome();
    mkdirSync(at.repo);
  });
  afterEach(async () => {
    await server.close();
    at.remove();
  });

  const lay = (daysAgo: number, failed: string[] = [], more: Partial<RunRecord> = {}): string => {
    const record = { ...recordAt(daysAgo, ["acme", "globex"], failed), ...more };
    mkdirSync(join(at.repo, record.run));
    for (const { file } of [record.system, ...record.tenants].filter((found) => found !== null))
      if (file !== null) writeFileSync(at.path(record.run, file), "x".repeat(1000));
    writeFileSync(at.path(record.run, "run.json"), JSON.stringify(record));
    return record.run;
  };
  const prune = (...flags: string[]) => at.run(["backup", "prune", "--repo", at.repo, ...flags], server);

  it("says what would go, then removes it, and tells the API", async () => {
    const [old, newer] = [lay(40), lay(1)];
    const dry = await prune("--keep-daily", "1", "--dry-run");
    expect(dry.code).toBe(0);
    expect(dry.stderr).toMatch(/^would remove 3 files, 3\.0 kB, and 1 runs whole; 3 files stay$/m);
    expect(at.runs()).toEqual([old, newer]);
    const { code, stderr } = await prune("--keep-daily", "1");
    expect(stderr).toMatch(/^removed 3 files/m);
    expect(code).toBe(0);
    expect(at.runs()).toEqual([newer]);
    expect(server.calls.get("POST /api/admin/backups/runs")).toMatchObject([
      { runId: old, items: [{ outcome: "gone" }, { tenantId: idOf(0), outcome: "gone" }, { tenantId: idOf(1) }] },
    ]);
  });

  it("keeps the one file of a run that is needed, and the record says so", async () => {
    const old = lay(40);
    const newer = lay(1, ["globex"]);
    expect((await prune("--keep-daily", "1")).code).toBe(0);
    expect(at.runs()).toEqual([old, newer]);
    expect(readdirSync(join(at.repo, old)).sort()).toEqual(["globex.tar", "run.json"]);
    expect(at.record(old)).toMatchObject({
      system: { outcome: "pruned", file: null },
      tenants: [
        { slug: "acme", outcome: "pruned", file: null },
        { slug: "globex", outcome: "saved", file: "globex.tar" },
      ],
    });
    // As if that prune had been killed before the file was gone.
    writeFileSync(at.path(old, "acme.tar"), "x");
    expect((await prune("--keep-daily", "1")).code).toBe(0);
    expect(readdirSync(join(at.repo, old)).sort()).toEqual(["globex.tar", "run.json"]);
    const listed = await at.run(["backup", "list", "--repo", at.repo, "--tenant", "acme", "-o", "json"]);
    expect(JSON.parse(listed.stdout).map(({ run }: { run: string }) => run)).toEqual([newer]);
  });

  it("--expired removes what has expired, and nothing else", async () => {
    const expiresAt = "2020-01-01T00:00:00.000Z";
    const [old, , newest] = [lay(40, [], { expiresAt }), lay(39), lay(1)];
    expect((await prune("--expired", "--keep-daily", "7")).code).toBe(2);
    const { code, stdout } = await prune("--expired", "-o", "json");
    expect(code).toBe(0);
    expect(JSON.parse(stdout)[0]).toMatchObject({ run: old, action: "remove", removed: 3, expiresAt });
    expect(at.runs()).toEqual([idAt(39), newest]);
    expect(server.calls.get("POST /api/admin/backups/runs")).toMatchObject([{ runId: old, expiresAt }]);
    // A record that says what no time is vouches for nothing.
    lay(30, [], { expiresAt: "soon" });
    expect((await at.run(["backup", "show", idAt(30), "--repo", at.repo])).code).toBe(10);
  });

  it("asks for holds, and removes nothing where nobody answers", async () => {
    const [old, newer] = [lay(40), lay(1)];
    server.onCall("GET /api/admin/holds", (response) =>
      response
        .writeHead(200, { "content-type": "application/json" })
        .end(
          JSON.stringify([
            { tenantId: idOf(0), slug: "acme", reason: "case", setBy: "x", setAt: "2026-01-01T00:00:00.000Z" },
          ]),
        ),
    );
    expect((await prune("--keep-daily", "1")).stdout).toMatch(/legal hold on acme/);
    expect(readdirSync(join(at.repo, old)).sort()).toEqual(["acme.tar", "run.json"]);
    const offline = await at.run(["backup", "prune", "--repo", at.repo, "--keep-daily", "1"]);
    expect([offline.code, offline.stderr]).toEqual([4, expect.stringMatching(/legal hold[\s\S]*--assume-no-holds/)]);
    const away = await at.run(["backup", "prune", "--repo", at.repo, "--keep-daily", "1"], {
      url: "http://127.0.0.1:1",
    });
    expect(away.code).toBe(9);
    expect(at.runs()).toEqual([old, newer]);
    const assumed = await at.run(["backup", "prune", "--repo", at.repo, "--keep-daily", "1", "--assume-no-holds"]);
    expect(assumed.code).toBe(0);
    expect(at.runs()).toEqual([newer]);
  });

  it("finishes what an earlier one was killed over, and wants to be told what to keep", async () => {
    lay(1);
    mkdirSync(join(at.repo, ".trash-20260101T000000Z-0000"));
    expect((await prune("--keep-daily", "1")).code).toBe(0);
    expect(readdirSync(at.repo).filter((name) => name.startsWith("."))).toEqual([]);
    expect((await prune()).code).toBe(2);
    expect((await prune("--keep-daily", "few")).code).toBe(2);
    expect((await at.run(["backup", "prune", "--repo", "nowhere", "--keep-daily", "1"], server)).code).toBe(6);
  });
});

describe("without the API", () => {
  let server: ArchiveServer;
  let at: BackupHome;
  beforeEach(async () => {
    server = await startArchiveServer(["acme", "globex"]);
    at = makeBackupHome();
  });
  afterEach(async () => {
    await server.close();
    at.remove();
  });

  it("list, show and status read the repository", async () => {
    await at.backup(server);
    const [id = ""] = at.runs();
    const shown = await at.run(["backup", "show", "--repo", at.repo, "-o", "csv"]);
    expect(shown.stdout.split("\n").slice(0, 3)).toEqual([
      "name,tenantId,outcome,snapshotAt,bytes,rows,verifiedAt,drilledAt,file,sha256,detail",
      expect.stringMatching(/^system,,saved,2026-01-01T00:00:00\.000Z,\d+,3,,,system\.tar,/),
      expect.stringMatching(/^acme,/),
    ]);
    expect(shown.stderr).toContain(`${id}: `);
    // What this server archives is of the beginning of 2026.
    const status = await at.run(["backup", "status", "--repo", at.repo]);
    expect(status.stderr).toMatch(
      /2 of 2 tenants have no backup of the last 26h: acme, globex\nnext: tenantctl backup/,
    );
    expect(status.code).toBe(10);
    const years = await at.run(["backup", "status", "--repo", at.repo, "--max-age", "9999w", "-o", "json"]);
    expect(years.code).toBe(0);
    expect(JSON.parse(years.stdout)).toMatchObject([
      { slug: "acme", lastBackupAt: "2026-01-01T00:00:00.000Z", lastVerifiedAt: null },
      { slug: "globex" },
    ]);
  });

  it("says where nothing is", async () => {
    for (const verb of ["list", "show", "status", "verify", "drill"]) {
      const { code, stderr } = await at.run(["backup", verb, "--repo", "nowhere"]);
      expect([verb, code, stderr]).toEqual([verb, 6, expect.stringMatching(/there is no repository nowhere/)]);
    }
  });
});

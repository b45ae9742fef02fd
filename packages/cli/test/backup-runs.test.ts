import {
  createReadStream,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:http";
import { hostname } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startCli } from "../../database/test/harness/process.ts";
import { lockRepository } from "../src/backup/repository-lock.ts";
import { type ArchiveServer, archiveOf, idOf, refuse, startArchiveServer } from "./archive-server.ts";
import { type BackupHome, makeBackupHome } from "./fixture/backup-home.ts";

let server: ArchiveServer;
let at: BackupHome;
beforeEach(async () => {
  server = await startArchiveServer(["acme", "globex", "initech"]);
  at = makeBackupHome();
});
afterEach(async () => {
  await server.close();
  at.remove();
});

/** A run that hangs at globex, with all others done. */
const hanging = async (...flags: string[]) => {
  const begun = await archiveOf({ slug: "globex", id: idOf(1), rows: 500 });
  server.on("globex", (response) => response.writeHead(200).write(begun.subarray(0, 4000)));
  const run = startCli(["backup", "--repo", at.repo, ...flags], at.options(server));
  for (const name of ["acme", "initech", "system"]) await run.waitFor(new RegExp(`${name}: saved`));
  return run;
};
const heal = (): void =>
  server.on("globex", async (response) => response.end(await archiveOf({ slug: "globex", id: idOf(1) })));

describe("two runs at once", () => {
  it("the second ends with exit 11 and names the first, in the same repository and in another", async () => {
    const first = await hanging();
    const same = await at.backup(server);
    expect(same.code).toBe(11);
    expect(same.stderr).toMatch(
      new RegExp(`error: another run holds .*/repo: tenantctl backup, process ${first.pid} on ${hostname()}, since 2`),
    );
    const other = await at.run(["backup", "--repo", join(at.home, "other")], server);
    expect(other.code).toBe(11);
    expect(other.stderr).toMatch(new RegExp(`${hostname()} pid ${first.pid} .*/repo holds the lock`));
    expect(readdirSync(join(at.home, "other"))).toEqual([]);
    expect((await at.run(["backup", "prune", "--repo", at.repo, "--keep-daily", "1"], server)).code).toBe(11);
    first.kill("SIGTERM");
    expect((await first.exit).code).toBe(143);
    heal();
    expect((await at.backup(server)).code).toBe(0);
  });

  it("a dead one does not hold, neither the repository nor the lease", async () => {
    const first = await hanging();
    first.kill("SIGKILL");
    await first.exit;
    expect(server.holder()).toBeDefined();
    heal();
    const { code } = await at.backup(server);
    expect(code).toBe(0);
    expect(server.holder()).toBeUndefined();
    expect(at.runs()).toHaveLength(2);
  });

  it("of twenty that find a dead one's lock, one gets it", () => {
    const dead = {
      host: hostname(),
      bootId: "earlier",
      pid: 1,
      startTime: "1",
      since: "2026",
      what: "backup",
      lease: null,
    };
    mkdirSync(at.repo);
    writeFileSync(join(at.repo, ".lock"), JSON.stringify(dead));
    const locks = Array.from({ length: 20 }, () => {
      try {
        return lockRepository(at.repo, "backup");
      } catch {
        return undefined;
      }
    });
    const got = locks.filter((lock) => lock !== undefined);
    expect(got).toHaveLength(1);
    expect(got[0]?.tookOver).toEqual(dead);
    got[0]?.release();
    expect(readdirSync(at.repo)).toEqual([]);
  });

  it("one on another machine holds as long as it shows that it lives", async () => {
    const other = {
      host: "elsewhere",
      bootId: "x",
      pid: 1,
      startTime: "1",
      since: "2026-01-01",
      what: "backup",
      lease: null,
    };
    mkdirSync(at.repo);
    const path = join(at.repo, ".lock");
    writeFileSync(path, JSON.stringify(other));
    const held = await at.backup(server);
    expect([held.code, held.stderr]).toEqual([11, expect.stringMatching(/process 1 on elsewhere, since 2026-01-01/)]);
    const { utimesSync } = await import("node:fs");
    utimesSync(path, new Date(Date.now() - 600_000), new Date(Date.now() - 600_000));
    expect((await at.backup(server)).code).toBe(0);
  });
});

describe("--resume", () => {
  it("goes on with the newest unfinished run and keeps what is still what it was", async () => {
    const first = await hanging();
    first.kill("SIGKILL");
    await first.exit;
    const [id = ""] = at.runs();
    const kept = statSync(at.path(id, "initech.tar")).mtimeMs;
    writeFileSync(at.path(id, "acme.tar"), "something else");
    heal();
    server.attempts.clear();
    const { code, stdout, stderr } = await at.backup(server, "--resume");
    expect(stderr).toMatch(new RegExp(`^going on with ${id}, of which 2 files are there`, "m"));
    expect(stdout).toMatch(/^backed up 3 tenants/);
    expect(code).toBe(0);
    expect(at.runs()).toEqual([id]);
    expect([...server.attempts.keys()].sort()).toEqual(["acme", "globex"]);
    expect(statSync(at.path(id, "initech.tar")).mtimeMs).toBe(kept);
    expect(readdirSync(join(at.repo, id)).sort()).toEqual([
      "acme.tar",
      "globex.tar",
      "initech.tar",
      "run.json",
      "system.tar",
    ]);
    expect((await at.run(["backup", "verify", "--repo", at.repo])).code).toBe(0);
  });

  it("keeps the expiry that the run began with, unless another is given", async () => {
    const expiryOf = (id: string): number => {
      const { startedAt, expiresAt = "" } = at.record(id);
      return Date.parse(expiresAt) - Date.parse(startedAt);
    };
    for (const [flags, days] of [
      [[], 35],
      [["--expires-after", "2w"], 14],
    ] as const) {
      const first = await hanging("--expires-after", "35d");
      first.kill("SIGKILL");
      await first.exit;
      heal();
      expect((await at.backup(server, "--resume", ...flags)).code).toBe(0);
      expect(expiryOf(at.runs().at(-1) ?? "")).toBe(days * 86_400_000);
    }
  });

  it("begins anew where nothing is unfinished, and refuses to mix recipients", async () => {
    const { code, stderr } = await at.backup(server, "--resume");
    expect([code, stderr]).toEqual([0, expect.stringMatching(/no unfinished run to go on with: this is a new one/)]);
    const first = await hanging();
    first.kill("SIGINT");
    await first.exit;
    const { generateKey } = await import("@tenantctl/archive");
    const mixed = await at.backup(server, "--resume", "--recipient", (await generateKey()).recipient);
    expect([mixed.code, mixed.stderr]).toEqual([2, expect.stringMatching(/the unfinished run .* is not encrypted/)]);
  });
});

it("killed again and again, it leaves only whole files under their names, and is finished in the end", async () => {
  const { verifyArchive } = await import("@tenantctl/archive");
  const slugs = Array.from({ length: 15 }, (_, index) => `t-${index}`);
  const many = await startArchiveServer(slugs);
  try {
    for (const stored of [1, 3, 6, 2]) {
      const run = startCli(["backup", "--repo", at.repo, "--resume", "--concurrency", "3"], at.options(many));
      await run.waitFor(new RegExp(`(: saved[^]*){${stored}}`));
      run.kill("SIGKILL");
      await run.exit;
      const [id = "", ...others] = at.runs();
      expect(others).toEqual([]);
      for (const name of readdirSync(join(at.repo, id)).filter((found) => found.endsWith(".tar"))) {
        const { manifest } = await verifyArchive(createReadStream(at.path(id, name)));
        expect(`${manifest.tenant?.slug ?? "system"}.tar`).toBe(name);
      }
      if (existsSync(at.path(id, "run.json"))) break;
    }
    const last = await at.backup(many, "--resume");
    expect(last.code).toBe(0);
    expect((await at.run(["backup", "verify", "--all", "--repo", at.repo])).stdout).toMatch(/: whole/);
  } finally {
    await many.close();
  }
});

it("tells the API what it did, in as many calls as it takes; an API that does not listen is only named", async () => {
  server.on("globex", refuse("internal"));
  expect((await at.backup(server)).code).toBe(3);
  expect(server.calls.get("POST /api/admin/backups/runs")).toMatchObject([
    {
      runId: at.runs()[0],
      kind: "backup",
      repository: at.repo,
      host: hostname(),
      exitCode: 3,
      items: [
        { tenantId: null, outcome: "ok", sha256: expect.stringMatching(/^[0-9a-f]{64}$/) },
        { tenantId: idOf(0), outcome: "ok", snapshotAt: "2026-01-01T00:00:00.000Z" },
        { tenantId: idOf(1), outcome: "failed", error: "This is internal." },
        { tenantId: idOf(2), outcome: "ok" },
      ],
    },
  ]);
  server.on("globex", async (response) => response.end(await archiveOf({ slug: "globex", id: idOf(1) })));
  server.onCall("POST /api/admin/backups/runs", (response) => refuse("internal")(response, 1, response.req));
  const { code, stderr } = await at.backup(server);
  expect(stderr).toMatch(/the API was not told of this backup run: This is internal\./);
  expect(code).toBe(0);
});

it("records and reports when it expires, and lists and shows it", async () => {
  expect((await at.backup(server, "--expires-after", "35d")).code).toBe(0);
  expect((await at.backup(server)).code).toBe(0);
  const [id = "", without = ""] = at.runs();
  const { startedAt, expiresAt } = at.record(id);
  expect(expiresAt).toBe(new Date(Date.parse(startedAt) + 35 * 86_400_000).toISOString());
  expect(at.record(without)).not.toHaveProperty("expiresAt");
  expect(server.calls.get("POST /api/admin/backups/runs")).toMatchObject([{ expiresAt }, { expiresAt: null }]);
  const listed = await at.run(["backup", "list", "--repo", at.repo, "-o", "json"]);
  expect(JSON.parse(listed.stdout)).toMatchObject([
    { run: without, expiresAt: null },
    { run: id, expiresAt },
  ]);
  const shown = async (run: string) => (await at.run(["backup", "show", run, "--repo", at.repo])).stderr;
  expect(await shown(id)).toContain(`expires ${expiresAt}`);
  expect(await shown(without)).toContain("no expiry: kept until it is pruned");
  for (const wrong of ["35", "0d", "soon", "99999w", ""])
    expect((await at.backup(server, "--expires-after", wrong)).code).toBe(2);
  expect(at.runs()).toHaveLength(2);
});

describe("--ping-url", () => {
  it("tells a monitor of the start and of the exit code, and of a signal", async () => {
    const pings: string[] = [];
    const monitor = createServer((request, response) => {
      pings.push(request.url ?? "");
      response.end();
    });
    await new Promise<void>((done) => monitor.listen(0, "127.0.0.1", done));
    const address = monitor.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    const url = `http://127.0.0.1:${address.port}/ping/secret?x=1`;
    try {
      await at.backup(server, "--ping-url", url);
      server.on("acme", refuse("internal"));
      await at.backup(server, "--ping-url", url);
      expect(pings).toEqual(["start", "0", "start", "3"].map((word) => `/ping/secret/${word}?x=1`));
      server.on("acme", () => undefined);
      const run = startCli(["backup", "--repo", at.repo, "--ping-url", url], at.options(server));
      await run.waitFor(/system: saved/);
      run.kill("SIGTERM");
      expect((await run.exit).code).toBe(143);
      expect(pings.at(-1)).toBe("/ping/secret/143?x=1");
    } finally {
      monitor.close();
    }
  });

  it("never fails the run", async () => {
    const { code, stderr } = await at.backup(server, "--ping-url", "http://127.0.0.1:1/x");
    expect(stderr).toMatch(/the ping to 127\.0\.0\.1:1 failed/);
    expect(code).toBe(0);
  });
});

it("logs JSON lines for machines", async () => {
  const { stderr, stdout } = await at.backup(server, "--json-log", "-o", "json");
  const lines = stderr
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(lines[0]).toMatchObject({ at: expect.any(String), event: "begin", files: 4 });
  expect(
    lines
      .slice(1)
      .map(({ event, name }) => `${event} ${name}`)
      .sort(),
  ).toEqual(["acme", "globex", "initech", "system"].map((name) => `saved ${name}`));
  expect(JSON.parse(stdout)).toMatchObject({ saved: 3 });
});

it("encrypts for all recipients, and age itself opens what it wrote", async ({ skip }) => {
  const { generateKey, verifyArchive } = await import("@tenantctl/archive");
  const { execFileSync, spawnSync } = await import("node:child_process");
  const [one, two] = [await generateKey(), await generateKey()];
  const file = join(at.home, "recipients");
  writeFileSync(file, `# second\n${two.recipient}\n`);
  expect((await at.backup(server, "--recipient", one.recipient, "--recipients-file", file)).code).toBe(0);
  const [id = ""] = at.runs();
  expect(at.record()).toMatchObject({ recipients: [one.recipient, two.recipient] });
  expect(readdirSync(join(at.repo, id)).sort()).toEqual([
    "acme.tar.age",
    "globex.tar.age",
    "initech.tar.age",
    "run.json",
    "system.tar.age",
  ]);
  if (spawnSync("age", ["--version"]).error !== undefined) skip("age is not installed here");
  for (const { identity } of [one, two]) {
    const key = join(at.home, "key");
    rmSync(key, { force: true });
    writeFileSync(key, identity);
    const plain = execFileSync("age", ["-d", "-i", key, at.path(id, "acme.tar.age")]);
    const { manifest } = await verifyArchive(
      (async function* () {
        yield plain;
      })(),
    );
    expect(manifest.tenant?.slug).toBe("acme");
  }
  expect(readFileSync(at.path(id, "acme.tar.age")).includes("shop.customers")).toBe(false);
});

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  createReadStream,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { verifyArchive } from "@tenantctl/archive";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { runCli } from "../../database/test/harness/process.ts";
import { startTestServer, type TestServer } from "../../server/test/fixture/server.ts";
import { itemsOf, type RunRecord } from "../src/backup/run-record.ts";
import { archiveOf, idOf, startArchiveServer } from "./archive-server.ts";
import { apiToken } from "./fake-api.ts";

let server: TestServer;
let token: string;
const slugs = ["acme", "cancelled-one", "deleted-one", "suspended-one"] as const;

beforeAll(async () => {
  server = await startTestServer();
  const session = await server.operatorToken();
  const made = await server.request("POST", "/api/admin/tokens", {
    token: session,
    body: { name: "cron", scopes: ["backup:read"], expiresInDays: 1 },
  });
  if (made.status !== 201) throw new Error(`no token: ${made.text}`);
  token = made.body.token;
  for (const slug of slugs) await server.provision({ slug });
  for (const [slug, step] of [
    ["suspended-one", "suspend"],
    ["cancelled-one", "cancel"],
    ["deleted-one", "delete"],
  ]) {
    const { status, text } = await server.request("POST", `/api/admin/tenants/${slug}/${step}`, {
      token: session,
      body: {},
    });
    if (status !== 200) throw new Error(`${step} of ${slug}: ${text}`);
  }
});
afterAll(() => server?.stop());

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "tenantctl-backup-"));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const run = (args: readonly string[], env: Record<string, string> = { TENANTCTL_TOKEN: token }) =>
  runCli(args, { cwd: home, env: { HOME: home, TENANTCTL_API_URL: server.url, ...env } });
const readRun = (folder: string): RunRecord => JSON.parse(readFileSync(join(folder, "run.json"), "utf8"));
const runs = (repo = join(home, "backups")): string[] =>
  readdirSync(repo)
    .filter((name) => !name.startsWith("."))
    .sort();

describe("a backup of everything", () => {
  it("holds every tenant whatever its status, and the system, with a record that vouches for them", async () => {
    const { code, stdout, stderr } = await run(["backup"]);
    expect(stderr).toMatch(/^backing up 4 tenants and the system to backups\/\d{8}T\d{6}Z-[0-9a-f]{4}\n/);
    expect(stdout).toMatch(/^backed up 4 tenants, \d.* kB, in \d+\.\d s: backups\/\S+\n$/);
    expect(code).toBe(0);
    const folder = join(home, "backups", runs()[0] ?? "");
    expect(readdirSync(folder).sort()).toEqual(
      [...slugs.map((slug) => `${slug}.tar`), "run.json", "system.tar"].sort(),
    );
    const record = readRun(folder);
    expect(record).toMatchObject({
      format: "tenantctl-run/2",
      run: runs()[0],
      saved: 4,
      failed: 0,
      gone: 0,
      all: true,
    });
    expect(record.tenants.map(({ slug, status }) => [slug, status])).toEqual([
      ["acme", "active"],
      ["cancelled-one", "cancelled"],
      ["deleted-one", "deleted"],
      ["suspended-one", "suspended"],
    ]);
    for (const { name, tenant, item } of itemsOf(record)) {
      const path = join(folder, item.file ?? "");
      const content = readFileSync(path);
      expect(createHash("sha256").update(content).digest("hex")).toBe(item.sha256);
      expect(content.length).toBe(item.bytes);
      expect(statSync(path).mode & 0o777).toBe(0o600);
      const { manifest } = await verifyArchive(createReadStream(path));
      expect(manifest.tenant?.slug ?? "system").toBe(name);
      if (tenant !== null) expect(item.rows?.["app.users"]).toBe(1);
    }
    expect(statSync(folder).mode & 0o777).toBe(0o700);
  });

  it("runs from cron: an empty environment, a token in a file, another name", async () => {
    writeFileSync(join(home, "token"), `${token}\n`, { mode: 0o600 });
    const repo = join(home, "elsewhere", "kept");
    const { code, stdout } = await run(["backup-all", "--repo", repo], {
      TENANTCTL_TOKEN_FILE: join(home, "token"),
    });
    expect(code).toBe(0);
    expect(stdout).toContain(`backed up 4 tenants`);
    expect(runs(repo)).toHaveLength(1);
  });

  it("gives its record as JSON, and nothing else", async () => {
    const { code, stdout, stderr } = await run(["backup", "-o", "json"]);
    expect([code, stderr]).toEqual([0, ""]);
    const { folder, ...record } = JSON.parse(stdout);
    expect(record).toEqual(readRun(join(home, folder)));
    const { stdout: csv } = await run(["backup", "-o", "csv"]);
    expect(csv.split("\n")[0]).toBe("id,slug,status,outcome,file,bytes,sha256,snapshotAt,rows,attempts,seconds,error");
    expect(csv.trim().split("\n")).toHaveLength(6);
  });

  it("is known to the API: the run, and when each tenant was backed up", async () => {
    await run(["backup"]);
    const id = runs()[0];
    const listed = await run(["backup", "runs", "-o", "json"]);
    expect(JSON.parse(listed.stdout)).toContainEqual(
      expect.objectContaining({ runId: id, kind: "backup", ok: 4, failed: 0, exitCode: 0 }),
    );
    const status = await run(["backup", "status", "-o", "json"]);
    expect(status.code).toBe(0);
    const facts: { slug: string; lastBackupAt: string }[] = JSON.parse(status.stdout);
    const saved = readRun(join(home, "backups", id ?? "")).tenants;
    for (const { slug, snapshotAt } of saved)
      expect(facts).toContainEqual(expect.objectContaining({ slug, lastBackupAt: snapshotAt }));
  });
});

describe("a backup is worth what comes back from it", () => {
  it("is verified, and restored in a drill, the system and every tenant; the API knows", async () => {
    await server.asOwner(
      `insert into app.customers (tenant_id, id, name, created_at, updated_at)
        select t.id, gen_random_uuid(), E'a\\tb\\\\\\n' || n, now(), now() from app.tenants t, generate_series(1, 500) n where t.slug = 'acme'`,
    );
    await run(["backup"]);
    const verified = await run(["backup", "verify"]);
    expect(verified).toMatchObject({
      code: 0,
      stderr: expect.not.stringMatching(/not told|not kept/),
      stdout: expect.stringMatching(/^verified 5 files of 1 run/),
    });
    const drilled = await run(["backup", "drill", "--sample", "10", "-o", "json"]);
    const results: { name: string; detail: string | null }[] = JSON.parse(drilled.stdout);
    expect(results.map(({ name, detail }) => [name, detail]).sort()).toEqual(
      [...slugs, "system"].map((name) => [name, null]).sort(),
    );
    expect(drilled.code).toBe(0);
    const status = await run(["backup", "status", "-o", "json"]);
    const facts: { slug: string; lastVerifiedAt: string | null; lastDrilledAt: string | null }[] = JSON.parse(
      status.stdout,
    );
    for (const slug of slugs)
      expect(facts).toContainEqual(
        expect.objectContaining({ slug, lastVerifiedAt: expect.any(String), lastDrilledAt: expect.any(String) }),
      );
  });

  it("is no longer counted on once it is pruned", async () => {
    await run(["backup"]);
    await run(["backup"]);
    const [old] = runs();
    const { code } = await run(["backup", "prune", "--keep-daily", "1"]);
    expect(code).toBe(0);
    expect(runs()).not.toContain(old);
    const listed = await run(["backup", "runs", "-o", "json"]);
    expect(JSON.parse(listed.stdout)).toContainEqual(expect.objectContaining({ runId: old, ok: 0 }));
    expect((await run(["backup", "status"])).code).toBe(0);
  });

  it("stays while its tenant is under a legal hold", async () => {
    const session = await server.operatorToken();
    const hold = (method: "PUT" | "DELETE") =>
      server.request(method, "/api/admin/tenants/deleted-one/hold", {
        token: session,
        ...(method === "PUT" ? { body: { reason: "case 1" } } : {}),
      });
    await run(["backup"]);
    await run(["backup"]);
    const [old = ""] = runs();
    expect((await hold("PUT")).status).toBe(200);
    try {
      expect((await run(["backup", "prune", "--keep-daily", "1"])).code).toBe(0);
      expect(readdirSync(join(home, "backups", old)).sort()).toEqual(["deleted-one.tar", "run.json"]);
    } finally {
      expect((await hold("DELETE")).status).toBe(200);
    }
    expect((await run(["backup", "prune", "--keep-daily", "1"])).code).toBe(0);
    expect(runs()).not.toContain(old);
  });
});

describe("a backup of some", () => {
  it("takes tenants by slug and id, each once", async () => {
    const listed = await server.request("GET", "/api/admin/tenants?search=acme", { token });
    const { code, stdout } = await run([
      "backup",
      "--tenant",
      "acme",
      "--tenant",
      "deleted-one",
      "--tenant",
      listed.body[0].id,
    ]);
    expect(stdout).toContain("backed up 2 tenants");
    expect(code).toBe(0);
    expect(readdirSync(join(home, "backups", runs()[0] ?? "")).sort()).toEqual([
      "acme.tar",
      "deleted-one.tar",
      "run.json",
      "system.tar",
    ]);
  });

  it("takes a status", async () => {
    const { stdout } = await run(["backup", "--status", "suspended", "-o", "jsonl"]);
    expect(
      stdout
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line)),
    ).toMatchObject([
      { slug: "system", outcome: "saved" },
      { slug: "suspended-one", outcome: "saved" },
    ]);
  });

  it("begins nothing when a tenant is not there", async () => {
    const { code, stderr } = await run(["backup", "--tenant", "acme", "--tenant", "nobody"]);
    expect(code).toBe(6);
    expect(stderr).toContain("error: there is no tenant nobody");
    expect(readdirSync(join(home, "backups"))).toEqual([]);
  });
});

it.each([
  [["backup", "acme"], /Name tenants with --tenant/],
  [["backup", "--recipient", "age1nobody"], /"age1nobody" is not an age recipient/],
  [["backup", "--recipients-file", "nowhere"], /--recipients-file: cannot read nowhere/],
  [["backup", "--ping-url", "ftp://x"], /--ping-url is not an http/],
  [["backup", "--concurrency", "0"], /from 1 to 32/],
  [["backup", "--stall-timeout", "soon"], /--stall-timeout takes a duration/],
  [["backup", "--tenant", "acme", "--status", "active"], /exclude each other/],
  [["backup", "--status", "purged"], /active, suspended, cancelled, deleted/],
])("%j is a mistake, exit 2", async (args, said) => {
  const { code, stderr } = await run(args);
  expect(code).toBe(2);
  expect(stderr).toMatch(said);
});

it("a token that is not valid is exit 4", async () => {
  expect((await run(["backup"], { TENANTCTL_TOKEN: apiToken })).code).toBe(4);
});

it("a repository that cannot be is said so, exit 1", async () => {
  writeFileSync(join(home, "file"), "");
  const { code, stderr } = await run(["backup", "--repo", join(home, "file", "repo")]);
  expect(code).toBe(1);
  expect(stderr).toMatch(/error: cannot write .*file\/repo/);
});

/** A file system of 1 MB, which only root can have. */
const smallDisk = (path: string): boolean => {
  try {
    mkdirSync(path);
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", path], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
};

it("a full disk ends the run at once, and earlier runs stay as they are", async ({ skip }) => {
  const disk = join(home, "disk");
  if (!smallDisk(disk)) skip("no tmpfs can be mounted here");
  const names = Array.from({ length: 40 }, (_, index) => `t-${String(index).padStart(2, "0")}`);
  const target = await startArchiveServer(names);
  try {
    const archives = new Map<string, Buffer>();
    for (const [index, slug] of names.entries())
      archives.set(slug, await archiveOf({ slug, id: idOf(index), rows: 1000, size: 64 }));
    for (const [slug, archive] of archives) target.on(slug, (response) => response.writeHead(200).end(archive));
    const env = { HOME: home, TENANTCTL_API_URL: target.url, TENANTCTL_TOKEN: apiToken };
    const first = await runCli(["backup", "--repo", disk, "--tenant", "t-00"], { cwd: home, env });
    expect(first.code).toBe(0);
    const [earlier = ""] = runs(disk);
    const before = readFileSync(join(disk, earlier, "t-00.tar"));
    const { code, stderr } = await runCli(["backup", "--repo", disk], { cwd: home, env });
    expect(code).toBe(3);
    expect(stderr).toMatch(
      /^error: the disk is full: .* of 40 tenants are in .*, an unfinished run; --resume goes on with it\nnext: Make room/m,
    );
    expect(target.attempts.size).toBeLessThan(40);
    const [later = ""] = runs(disk).filter((id) => id !== earlier);
    const left = readdirSync(join(disk, later));
    expect(left).not.toContain("run.json");
    const kept = left.filter((name) => name.startsWith("t-"));
    expect(kept.length).toBeGreaterThan(0);
    for (const name of kept)
      expect(
        readFileSync(join(disk, later, name)).equals(archives.get(name.replace(".tar", "")) ?? Buffer.alloc(0)),
      ).toBe(true);
    expect(readFileSync(join(disk, earlier, "t-00.tar")).equals(before)).toBe(true);
    expect(readRun(join(disk, earlier)).saved).toBe(1);
  } finally {
    await target.close();
    execFileSync("umount", [disk]);
  }
});

it("a disk without any room is said so and leaves no lock; prune makes room there", async ({ skip }) => {
  const disk = join(home, "disk");
  if (!smallDisk(disk)) skip("no tmpfs can be mounted here");
  const target = await startArchiveServer(["acme", "globex"]);
  try {
    const env = { HOME: home, TENANTCTL_API_URL: target.url, TENANTCTL_TOKEN: apiToken };
    const cli = (...args: string[]) => runCli(["backup", ...args, "--repo", disk], { cwd: home, env });
    expect((await cli()).code).toBe(0);
    // The second has one tenant only: the other's file is kept, and the first run's record written anew.
    expect((await cli("--tenant", "globex")).code).toBe(0);
    expect((await cli()).code).toBe(0);
    const [first = "", , third = ""] = runs(disk);
    rmSync(join(disk, third, "acme.tar"));
    const damaged = await cli("verify", third);
    expect(damaged.code).toBe(10);
    const fill = join(disk, "fill");
    execFileSync("bash", ["-c", 'cat /dev/zero > "$0" 2>/dev/null || true', fill]);
    for (let turn = 0; turn < 2; turn += 1) {
      const { code, stderr } = await cli();
      expect(stderr).toMatch(/^error: the disk is full: .*\nnext: Make room/m);
      expect(code).toBe(1);
      expect(readdirSync(disk).sort()).toEqual([...runs(disk).filter((name) => name !== "fill"), "fill"]);
    }
    const pruned = await cli("prune", "--keep-daily", "1");
    expect(pruned.stderr).toMatch(/^removed \d+ files/m);
    expect(pruned.code).toBe(0);
    expect(readdirSync(disk).sort()).toEqual([first, third, "fill"]);
  } finally {
    await target.close();
    execFileSync("umount", [disk]);
  }
});

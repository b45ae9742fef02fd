import { execFileSync } from "node:child_process";
import { copyFileSync, cpSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { startInPty } from "../../database/test/harness/pty.ts";
import { type ArchiveServer, startArchiveServer } from "./archive-server.ts";
import { type BackupHome, makeBackupHome } from "./fixture/backup-home.ts";

const bin = fileURLToPath(new URL("../bin/tenantctl.js", import.meta.url));

let server: ArchiveServer;
/** Backups that tests copy and damage: one plain, one encrypted. */
let plain: BackupHome;
let sealed: BackupHome;
let at: BackupHome;
let identity: string;

const keyPair = async (): Promise<{ identity: string; recipient: string }> => {
  const { generateKey } = await import("@tenantctl/archive");
  return generateKey();
};

beforeAll(async () => {
  server = await startArchiveServer(["acme", "globex"]);
  [plain, sealed] = [makeBackupHome(), makeBackupHome()];
  const pair = await keyPair();
  identity = join(sealed.home, "key.txt");
  writeFileSync(identity, `# made for a test\n${pair.identity}\n`, { mode: 0o600 });
  expect((await plain.backup(server)).code).toBe(0);
  expect((await sealed.backup(server, "--recipient", pair.recipient)).code).toBe(0);
});
afterAll(async () => {
  await server?.close();
  plain?.remove();
  sealed?.remove();
});
beforeEach(() => {
  at = makeBackupHome();
});
afterEach(() => at.remove());

const copyOf = ({ repo }: BackupHome): string => {
  cpSync(repo, at.repo, { recursive: true });
  return at.runs()[0] ?? "";
};
const verify = (...flags: string[]) => at.run(["backup", "verify", "--repo", at.repo, ...flags]);
const flip = (path: string, from: number): void => {
  const bytes = readFileSync(path);
  bytes.writeUInt8(bytes.readUInt8(from) ^ 1, from);
  writeFileSync(path, bytes);
};
/** Rewrites the tar without, or with other, parts: the run's record is made to agree, as somebody who means harm would. */
const agree = (run: string, file: string): void => {
  const path = at.path(run, file);
  const sha256 = execFileSync("sha256sum", [path], { encoding: "utf8" }).slice(0, 64);
  const record = JSON.parse(readFileSync(at.path(run, "run.json"), "utf8"));
  for (const tenant of record.tenants)
    if (tenant.file === file) Object.assign(tenant, { sha256, bytes: readFileSync(path).length });
  writeFileSync(at.path(run, "run.json"), JSON.stringify(record));
};

describe("a repository that is whole", () => {
  it("is verified without the API, every part of it", async () => {
    copyOf(plain);
    const { code, stdout, stderr } = await verify();
    expect(stderr).toMatch(/^verifying 3 files, .* kB, in \/.*\n(\S+\/(acme|globex|system)\.tar: whole, .* kB\n){3}$/);
    expect(stdout).toMatch(/^verified 3 files of 1 run, .*: whole, every part, count and digest\n$/);
    expect(code).toBe(0);
  });

  it("is verified as far as its bytes go without the key, and to the last part with it", async () => {
    copyOf(sealed);
    const without = await verify();
    expect(without.stdout).toMatch(/the bytes that were stored \(3 encrypted: --identity-file looks into them\)/);
    expect(without.code).toBe(0);
    const withKey = await verify("--identity-file", identity);
    expect(withKey.stdout).toMatch(/whole, every part, count and digest/);
    expect(withKey.code).toBe(0);
  });

  it("shows a bar to people, lines to a log, JSON lines to programs, and its result alone on stdout", async () => {
    const run = copyOf(plain);
    const args = ["backup", "verify", "--repo", at.repo];
    const screen = startInPty(process.execPath, [bin, ...args], { ...at.options(), columns: 80, rows: 24 });
    const { code, stdout: shown } = await screen.exit;
    expect(code).toBe(0);
    expect(shown).toMatch(/verifying {2}[━─]+ {2}[0-3]\/3/);
    expect(shown).not.toMatch(/acme\.tar: whole/);
    // The bar is gone in the end.
    expect(shown).toMatch(/\[0?K[^━─]*verified 3 files of 1 run[^━─]*$/);

    flip(at.path(run, "acme.tar"), 700);
    const logged = await verify("--json-log", "-o", "json");
    expect(JSON.parse(logged.stdout)).toHaveLength(3);
    const events = logged.stderr
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(events[0]).toMatchObject({ event: "begin", files: 3, bytes: expect.any(Number) });
    expect(events.map(({ event }) => event).sort()).toEqual(["begin", "damaged", "note", "whole", "whole"]);
    expect(events.find(({ event }) => event === "damaged")).toMatchObject({ name: `${run}/acme.tar` });
    expect((await verify("-o", "json")).stderr).toMatch(/^damaged: \S+\/acme\.tar: [^\n]*\n$/);
  });

  it("tells the API where there is one, and keeps what it found beside the run", async () => {
    const run = copyOf(plain);
    await at.run(["backup", "verify", "--repo", at.repo], server);
    const [told] = (server.calls.get("POST /api/admin/backups/runs") ?? []).slice(-1);
    expect(told).toMatchObject({ runId: run, kind: "verify", exitCode: 0, items: [{ outcome: "ok" }, {}, {}] });
    const shown = await at.run(["backup", "list", "--repo", at.repo, "-o", "json"]);
    expect(JSON.parse(shown.stdout)).toMatchObject([{ run, state: "complete", saved: 2, verified: 3 }]);
  });
});

it("a key that does not fit has its own message, and is no damage", async () => {
  copyOf(sealed);
  const other = join(at.home, "other.txt");
  writeFileSync(other, (await keyPair()).identity);
  const { code, stderr } = await verify("--identity-file", other);
  expect(code).toBe(7);
  expect(stderr).toMatch(/the key given does not open this archive/);
});

it("a file that holds no key at all is a mistake, exit 2", async () => {
  copyOf(sealed);
  const other = join(at.home, "other.txt");
  writeFileSync(other, "AGE-SECRET-KEY-1NOT\n");
  const { code, stderr } = await verify("--identity-file", other);
  expect([code, stderr]).toEqual([2, expect.stringMatching(/identity 1 of 1 is not an age identity/)]);
  expect(stderr).not.toContain("AGE-SECRET-KEY-1NOT");
});

describe("damage is exit 10 and named", () => {
  it("a flipped bit, with the part that it is in", async () => {
    const run = copyOf(plain);
    const bytes = readFileSync(at.path(run, "acme.tar"));
    // Gzip's magic number: the first part.
    flip(at.path(run, "acme.tar"), bytes.indexOf(Buffer.from([0x1f, 0x8b])) + 20);
    const { code, stdout, stderr } = await verify();
    expect(stderr).toMatch(/^damaged: .*\/acme\.tar: tables\/0001-shop\.customers\/00000001\.copy\.gz/m);
    expect(stdout).toMatch(/1 damaged/);
    expect(code).toBe(10);
  });

  it("a flipped bit where the file cannot be opened", async () => {
    const run = copyOf(sealed);
    flip(at.path(run, "acme.tar.age"), 900);
    const { code, stderr } = await verify();
    expect(stderr).toMatch(/acme\.tar\.age: its bytes are not those that the run wrote/);
    expect(code).toBe(10);
    const withKey = await verify("--identity-file", identity);
    expect(withKey.code).toBe(10);
    expect(withKey.stderr).toMatch(/acme\.tar\.age: .*damaged/);
  });

  it("a file cut, a file deleted, a file of another tenant, two files swapped", async () => {
    const run = copyOf(plain);
    truncateSync(at.path(run, "acme.tar"), 3000);
    expect((await verify()).stderr).toMatch(/acme\.tar: .*ends/);
    rmSync(at.path(run, "acme.tar"));
    const missing = await verify();
    expect([missing.code, missing.stderr]).toEqual([10, expect.stringMatching(/acme\.tar: missing/)]);
    copyFileSync(at.path(run, "globex.tar"), at.path(run, "acme.tar"));
    const moved = await verify();
    expect([moved.code, moved.stderr]).toEqual([
      10,
      expect.stringMatching(/acme\.tar: holds what belongs in globex\.tar/),
    ]);
    renameSync(at.path(run, "system.tar"), at.path(run, "globex.tar"));
    expect((await verify()).stderr).toMatch(/globex\.tar: holds what belongs in system\.tar/);
  });

  it("another tenant's archive, even where the record was made to agree", async () => {
    const run = copyOf(plain);
    copyFileSync(at.path(run, "globex.tar"), at.path(run, "acme.tar"));
    agree(run, "acme.tar");
    const { code, stderr } = await verify();
    expect(stderr).toMatch(/acme\.tar: holds the archive of globex: moved here from elsewhere/);
    expect(code).toBe(10);
  });

  it("a part taken out, even where the record was made to agree", async () => {
    const run = copyOf(plain);
    const bytes = readFileSync(at.path(run, "acme.tar"));
    const header = bytes.indexOf("tables/0001-shop.customers/00000001.copy.gz");
    const size = Number.parseInt(bytes.toString("latin1", header + 124, header + 135), 8);
    const end = header + 512 + Math.ceil(size / 512) * 512;
    writeFileSync(at.path(run, "acme.tar"), Buffer.concat([bytes.subarray(0, header), bytes.subarray(end)]));
    agree(run, "acme.tar");
    const { code, stderr } = await verify();
    expect(stderr).toMatch(/damaged: .*acme\.tar: tables\/0001-shop\.customers\/00000001\.copy\.gz: missing/);
    expect(code).toBe(10);
  });

  it("a record that cannot be read", async () => {
    const run = copyOf(plain);
    writeFileSync(at.path(run, "run.json"), "{");
    const { code, stderr } = await verify(run);
    expect(stderr).toMatch(/is not a backup: its run\.json is damaged/);
    expect(code).toBe(10);
    expect((await verify("--all")).code).toBe(10);
  });

  it("a record that leads elsewhere", async () => {
    const run = copyOf(plain);
    const record = JSON.parse(readFileSync(at.path(run, "run.json"), "utf8"));
    record.tenants[0].file = "../../key.txt";
    writeFileSync(at.path(run, "run.json"), JSON.stringify(record));
    expect((await verify()).stderr).toMatch(/there is no finished backup/);
  });
});

it("a run without its record is no backup, and every command says so", async () => {
  const run = copyOf(plain);
  rmSync(at.path(run, "run.json"));
  for (const [verb, code] of [
    ["verify", 10],
    ["show", 10],
    ["drill", 10],
  ] as const) {
    const named = verb === "drill" ? ["--run", run] : [run];
    const done = await at.run(["backup", verb, "--repo", at.repo, ...named]);
    expect([verb, done.code]).toEqual([verb, code]);
    expect(done.stderr).toMatch(/is not a backup: it has no run\.json, so it never finished/);
  }
  const listed = await at.run(["backup", "list", "--repo", at.repo, "-o", "json"]);
  expect(JSON.parse(listed.stdout)).toMatchObject([{ run, state: "unfinished" }]);
  expect((await at.run(["backup", "status", "--repo", at.repo])).code).toBe(10);
});

it("names files that no record vouches for", async () => {
  const run = copyOf(plain);
  writeFileSync(at.path(run, "stray.tar"), "");
  const { code, stderr } = await verify();
  expect(stderr).toMatch(/stray\.tar is no part of this run/);
  expect(code).toBe(0);
});

import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { generateKey } from "@tenantctl/archive";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createDatabase, createMigratedDatabase, withClient } from "../../database/test/harness/database.ts";
import { startCli } from "../../database/test/harness/process.ts";
import { type ArchiveServer, archiveOf, idOf, startArchiveServer } from "./archive-server.ts";
import { type BackupHome, makeBackupHome } from "./fixture/backup-home.ts";

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

const drill = (...flags: string[]) => at.run(["backup", "drill", "--repo", at.repo, ...flags], server);
const scratchFolders = (): string[] => readdirSync(at.home).filter((name) => name.startsWith("tenantctl-drill-"));
const told = (): unknown[] => server.calls.get("POST /api/admin/backups/runs") ?? [];
const answer = async (slug: string, content: Partial<Parameters<typeof archiveOf>[0]>): Promise<void> => {
  const archive = await archiveOf({ slug, id: idOf(slug === "acme" ? 0 : 1), ...content });
  server.on(slug, (response) => response.writeHead(200).end(archive));
};

describe("in a throwaway PostgreSQL", () => {
  it("restores from the archive's own DDL, compares every table, tells the API, and leaves nothing", async () => {
    const { identity, recipient } = await generateKey();
    const key = join(at.home, "key.txt");
    writeFileSync(key, identity);
    await at.backup(server, "--recipient", recipient);
    const { code, stdout, stderr } = await drill("--identity-file", key);
    expect(stderr).toMatch(/acme: restored, 3 rows in 2 tables, every digest equal, in \d+\.\d s/);
    expect(stderr).toMatch(/system: restored/);
    expect(stdout).toMatch(/^drilled 3 of .* in \d+\.\d s: all restored and equal\n$/);
    expect(code).toBe(0);
    expect(scratchFolders()).toEqual([]);
    expect(told().at(-1)).toMatchObject({
      kind: "drill",
      exitCode: 0,
      items: [{ tenantId: null, outcome: "ok" }, { outcome: "ok", seconds: expect.any(Number) }, { outcome: "ok" }],
    });
    const listed = await at.run(["backup", "list", "--repo", at.repo, "-o", "json"]);
    expect(JSON.parse(listed.stdout)).toMatchObject([{ drilled: 3 }]);
  });

  it("finds rows that are not those that were archived, and an extension that is not there: exit 10, recorded", async () => {
    await answer("acme", { digest: "0".repeat(64) });
    await answer("globex", { ddl: "create extension if not exists chronicles;\ncreate schema if not exists shop;\n" });
    await at.backup(server);
    const { code, stdout, stderr } = await drill("acme", "globex");
    expect(stderr).toMatch(/acme: failed: shop\.customers: its rows are not those that were archived/);
    expect(stderr).toMatch(
      /globex: failed: the archive needs the extension chronicles, which this PostgreSQL does not have/,
    );
    expect(stdout).toMatch(/2 failed\n$/);
    expect(code).toBe(10);
    expect(told().at(-1)).toMatchObject({
      kind: "drill",
      exitCode: 10,
      items: [
        { tenantId: idOf(0), outcome: "failed" },
        { tenantId: idOf(1), outcome: "failed", error: expect.stringContaining("chronicles") },
      ],
    });
  });

  it("a signal leaves no PostgreSQL and no folder behind", async () => {
    await at.backup(server);
    const running = startCli(["backup", "drill", "--repo", at.repo], at.options(server));
    await running.waitFor(/drilling 3 of/);
    running.kill("SIGINT");
    // It may have been through already.
    expect([0, 130]).toContain((await running.exit).code);
    expect(scratchFolders()).toEqual([]);
  });
});

describe("in a database that is named", () => {
  it("leaves it as it was", async () => {
    await at.backup(server);
    const scratch = await createDatabase();
    try {
      const file = join(at.home, "scratch");
      writeFileSync(file, `${scratch.url}\n`);
      const { code, stderr } = await drill("acme", "--scratch-url-file", file);
      expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringMatching(/acme: restored/) });
      await withClient(scratch.url, async (client) => {
        const { rows } = await client.query("select nspname from pg_namespace where nspname = 'shop'");
        expect(rows).toEqual([]);
      });
    } finally {
      await scratch.drop();
    }
  });

  it("refuses the one that the backups come from, and any that is not empty", async () => {
    await at.backup(server);
    const source = await createMigratedDatabase();
    try {
      const file = join(at.home, "scratch");
      writeFileSync(file, source.url);
      const { code, stderr } = await drill("acme", "--scratch-url-file", file);
      expect(stderr).toMatch(/the scratch database is one that tenantctl runs on/);
      expect(code).toBe(7);
    } finally {
      await source.drop();
    }
  });

  it("takes no password as an argument", async () => {
    await at.backup(server);
    const { code, stderr } = await drill("--scratch-url", "postgresql://me:secret@localhost/drill");
    expect(code).toBe(2);
    expect(stderr).toMatch(/--scratch-url-file/);
    expect(stderr).not.toContain("secret");
  });

  it("says so when nothing answers there", async () => {
    await at.backup(server);
    expect((await drill("--scratch-url", "postgresql://me@127.0.0.1:1/drill")).code).toBe(9);
  });
});

it("names a tenant that the run does not hold: exit 6", async () => {
  await at.backup(server);
  const { code, stderr } = await drill("nobody");
  expect(stderr).toMatch(/holds no backup of nobody/);
  expect(code).toBe(6);
});

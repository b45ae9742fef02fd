import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Exit, runCli } from "../../database/test/harness/process.ts";
import { seal, writeRows } from "../../server/test/fixture/audit-log.ts";
import { startTestServer, type TestServer } from "../../server/test/fixture/server.ts";

let server: TestServer;
let dir: string;
let env: NodeJS.ProcessEnv;
beforeAll(async () => {
  server = await startTestServer();
  dir = mkdtempSync(join(tmpdir(), "tenantctl-audit-"));
  env = {
    PATH: process.env.PATH,
    HOME: dir,
    TENANTCTL_CONFIG_DIR: dir,
    TENANTCTL_API_URL: server.url,
    TENANTCTL_TOKEN: await server.operatorToken(),
  };
});
afterAll(async () => {
  await server?.stop();
  rmSync(dir, { recursive: true, force: true });
});

const audit = (...args: string[]): Promise<Exit> => runCli(["audit", ...args], { env, cwd: dir });

it("proves the log with exit 0 and a file of checkpoints, and names what was tampered with by exit 10", async () => {
  const { id, slug } = await server.provision();
  const ids = await writeRows(server, id, 3);
  await seal(server);
  const appended = await audit("checkpoint", "-f", "checkpoints.jsonl");
  expect(appended, appended.stderr).toMatchObject({ code: 0 });
  const holds = await audit("verify", slug, "--checkpoints", "checkpoints.jsonl");
  expect(holds, holds.stderr).toMatchObject({ code: 0 });
  expect(holds.stdout).toMatch(/as it was written: \d+ rows in 1 chain/);
  // The key of a test is in the database: that is said.
  expect(holds.stdout).toContain("TENANTCTL_AUDIT_KEY");

  await server.asOwner("update app.audit_log set outcome = 'denied' where id = $1", [ids[1]]);
  const found = await audit("verify", slug);
  expect(found.code).toBe(10);
  expect(found.stdout).toContain(`row_altered: tenant ${id}`);
  expect(found.stdout).toContain(ids[1]);
  const data = await audit("verify", "-o", "json");
  expect(data.code).toBe(10);
  expect(JSON.parse(data.stdout)).toMatchObject({ ok: false, problems: 1, found: [{ auditId: ids[1] }] });
  await server.asOwner("update app.audit_log set outcome = 'success' where id = $1", [ids[1]]);
  expect((await audit("verify", "nobody-here")).code).toBe(6);
  expect((await audit("verify", "--checkpoints", "no-such-file")).code).toBe(2);
});

it("exports the log whole, as JSON lines or as CSV in which a formula is none", async () => {
  const { id, slug } = await server.provision();
  await writeRows(server, id, 2, "=cmd()");
  const lines = await audit("export", slug, "-f", "log.jsonl");
  expect(lines, lines.stderr).toMatchObject({ code: 0 });
  const rows = readFileSync(join(dir, "log.jsonl"), "utf8").trimEnd().split("\n");
  expect(rows.map((row) => JSON.parse(row).tenantId)).toEqual(rows.map(() => id));
  expect((await audit("export", slug, "-f", "log.csv")).code).toBe(0);
  const csv = readFileSync(join(dir, "log.csv"), "utf8");
  expect(csv.trimEnd().split("\n")).toHaveLength(rows.length + 1);
  expect(csv).toContain("'=cmd()");
  expect((await audit("export", "nobody-here", "-f", "none.jsonl")).code).toBe(6);
  expect(existsSync(join(dir, "none.jsonl"))).toBe(false);
});

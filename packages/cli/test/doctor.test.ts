import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createDatabase, type TestDatabase, withClient } from "../../database/test/harness/database.ts";
import { runCli } from "../../database/test/harness/process.ts";

const dir = mkdtempSync(join(tmpdir(), "tenantctl-doctor-"));
let database: TestDatabase;

beforeAll(async () => {
  database = await createDatabase();
});
afterAll(async () => {
  await database?.drop();
  rmSync(dir, { recursive: true, force: true });
});

const doctor = async (changed: NodeJS.ProcessEnv = {}) => {
  const env = {
    PATH: process.env.PATH,
    HOME: dir,
    DATABASE_URL: database.url,
    TENANTCTL_ROLE_PREFIX: database.prefix,
    TENANTCTL_JWT_SECRET: "a-secret-of-forty-characters-or-so-here",
    ...changed,
  };
  const { code, stdout, stderr } = await runCli(["doctor", "-o", "json"], { env, cwd: dir });
  const items: { id: string; result: string; evidence: string[]; next: string | null }[] = JSON.parse(stdout || "[]");
  return { code, stderr, items, found: Object.fromEntries(items.map(({ id, result }) => [id, result])) };
};

it("says that a database was not migrated, then what stands in the way of serving, then nothing", async () => {
  const before = await doctor();
  expect(before.code).toBe(10);
  expect(before.found).toEqual({
    settings: "ok",
    database: "ok",
    rights: "ok",
    logins: "problem",
    "data-folder": "ok",
  });
  const logins = before.items.find(({ id }) => id === "logins");
  expect(logins?.next).toContain("tenantctl migrate");
  expect(logins?.evidence.join()).toMatch(/role prefix: role ".*" does not exist$/);

  const env = { PATH: process.env.PATH, DATABASE_URL: database.url, TENANTCTL_ROLE_PREFIX: database.prefix };
  const migrated = await runCli(["migrate"], { env, cwd: dir });
  expect(migrated.code, migrated.stderr).toBe(0);
  const after = await doctor();
  expect(after.found).toMatchObject({ logins: "ok", migrations: "ok", protection: "ok" });
  expect(after.code).toBe(0);

  await withClient(database.url, (client) => client.query("alter table app.customers no force row level security"));
  const open = await doctor();
  expect(open.code).toBe(10);
  expect(open.items.find(({ id }) => id === "protection")?.evidence.join()).toContain("app.customers");
});

it("takes the embedded PostgreSQL for a database where none is named", async () => {
  const { found, code } = await doctor({ DATABASE_URL: undefined });
  expect([code, found.database]).toEqual([0, "ok"]);
});

it("names each fault of the settings and looks no further, and a database or a Redis that is away", async () => {
  const faulty = await doctor({ TENANTCTL_JWT_SECRET: "short", PORT: "many" });
  expect(faulty.code).toBe(10);
  expect(faulty.items).toHaveLength(1);
  expect(faulty.items[0]?.evidence).toHaveLength(2);
  const away = await doctor({
    DATABASE_URL: "postgresql://somebody:secret@127.0.0.1:1/none",
    REDIS_URL: "redis://127.0.0.1:1",
  });
  expect(away.code).toBe(10);
  expect(away.found).toEqual({ settings: "ok", database: "problem", redis: "problem", "data-folder": "ok" });
  expect(JSON.stringify(away.items)).not.toContain("secret");
});

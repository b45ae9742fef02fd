import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { runCli } from "../../database/test/harness/process.ts";
import { makeFolder } from "../src/make-folder.ts";

const newHome = (): string => {
  const home = mkdtempSync(join(tmpdir(), "tenantctl-folder-"));
  onTestFinished(() => rmSync(home, { recursive: true, force: true }));
  return home;
};

it("makes all that is missing, for its owner alone, and leaves what is there", () => {
  const home = newHome();
  makeFolder(join(home, "a/b/c"));
  for (const made of ["a", "a/b", "a/b/c"]) expect(statSync(join(home, made)).mode & 0o777).toBe(0o700);
  writeFileSync(join(home, "a/b/c/kept"), "");
  makeFolder(join(home, "a/b/c"));
  expect(existsSync(join(home, "a/b/c/kept"))).toBe(true);
  expect(() => makeFolder(join(home, "a/b/c/kept"))).toThrow("EEXIST");
  expect(() => makeFolder(join(home, "a/b/c/kept/below"))).toThrow("ENOTDIR");
});

// As an automounted folder does whose server is away.
it.runIf(existsSync("/proc/self"))("ends where a file system will not have the folder", async () => {
  const home = newHome();
  const env = { HOME: home, TENANTCTL_API_URL: "http://127.0.0.1:1", TENANTCTL_TOKEN: "tctl_x" };
  const backup = await runCli(["backup", "--repo", "/proc/away/backups"], { cwd: home, env });
  expect([backup.code, backup.stderr]).toEqual([1, expect.stringContaining("cannot write /proc/away/backups")]);
  const context = await runCli(["context", "add", "x", "--api-url", "http://127.0.0.1:1"], {
    cwd: home,
    env: { HOME: home, TENANTCTL_CONFIG_DIR: "/proc/away" },
  });
  expect([context.code, context.stderr]).toEqual([1, expect.stringContaining("TENANTCTL_CONFIG_DIR")]);
});

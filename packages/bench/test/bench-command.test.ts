import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { system15 } from "../../database/test/harness/system15.ts";

const program = fileURLToPath(new URL("../dist/main.js", import.meta.url));

const bench = async (...args: string[]) => {
  const child = spawn(process.execPath, [program, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { stdout, stderr, code: await ended };
};

test("a command line that cannot be followed starts nothing and leaves with 1", async () => {
  const { stdout, stderr, code } = await bench("--only", "everything");
  expect(code).toBe(1);
  expect(stdout).toBe("");
  expect(stderr).toContain("there is no everything to be measured; there is requests");
});

describe.skipIf(!existsSync(`${system15}/bin/pg_dump`))("with PostgreSQL 15 of the system", () => {
  // How fast anything is depends on what else the machine does: asserted is that each comparison comes to a number.
  test("the smallest run of the requests gives each ratio, and one round trip a read", {
    timeout: 300_000,
  }, async () => {
    const only = ["--only", "requests", "--only", "round-trips"];
    const { stdout, stderr, code } = await bench("--quick", "--rounds", "1", "--seconds", "2", ...only);
    expect(stderr).not.toContain("failed");
    const rows = stdout.split("\n").filter((line) => /^\| [lcor]/.test(line));
    expect(rows.length, stdout).toBe(6);
    expect(stdout).not.toContain("not measured");
    expect(rows.at(-1)).toMatch(/round trips .*\| 1 round trips .*aim reached/);
    expect(stdout.trimEnd().split("\n").at(-1)).toMatch(/^\d of 6 reached/);
    expect(code).toBe(stdout.includes("missed:") ? 1 : 0);
  });
});

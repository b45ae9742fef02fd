import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createDatabase, type TestDatabase } from "../../database/test/harness/database.ts";
import { startProcess } from "../../database/test/harness/process.ts";
import { freePort } from "../../server/test/fixture/free-port.ts";
import { withoutHaproxy } from "../../server/test/fixture/haproxy.ts";
import { installed } from "../../server/test/fixture/installed.ts";
import { bashBlocks } from "./fixture/markdown-blocks.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const cli = join(root, "packages/cli/bin/tenantctl.js");

describe.skipIf(withoutHaproxy !== "")(`docs/scaling.md${withoutHaproxy}`, () => {
  let database: TestDatabase;
  let dir: string;
  let texts: Readonly<Record<string, string>>;
  let env: NodeJS.ProcessEnv;
  beforeAll(async () => {
    database = await createDatabase();
    dir = mkdtempSync(join(tmpdir(), "tenantctl-scaling-"));
    for (const name of ["etc", "log", "run", "bin"]) mkdirSync(join(dir, name));
    writeFileSync(
      join(dir, "etc/env"),
      `DATABASE_URL=${database.url}
TENANTCTL_ROLE_PREFIX=${database.prefix}
TENANTCTL_JWT_SECRET="a secret of the tests longer than 32 characters"
TENANTCTL_OVERLOAD_DELAY_MS=3600000
TENANTCTL_POOL_SIZE=4
`,
    );
    writeFileSync(join(dir, "bin/tenantctl"), `#!/bin/sh\nexec "${process.execPath}" "${cli}" "$@"\n`);
    chmodSync(join(dir, "bin/tenantctl"), 0o755);
    const [balancer, one, two, three] = [await freePort(), await freePort(), await freePort(), await freePort()];
    texts = {
      "/etc/tenantctl/": join(dir, "etc/"),
      "/var/log/": join(dir, "log/"),
      "/run/": join(dir, "run/"),
      "docker/haproxy/": join(root, "docker/haproxy/"),
      "5000": String(balancer),
      "5001": String(one),
      "5002": String(two),
      "5003": String(three),
    };
    const haproxy = installed("haproxy") ?? "";
    env = { HOME: dir, PATH: [join(dir, "bin"), process.env.PATH, dirname(haproxy)].join(delimiter) };
  });
  afterAll(async () => {
    for (const file of readdirSync(join(dir, "run")).sort()) {
      const pid = Number(readFileSync(join(dir, "run", file), "utf8"));
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // It has ended.
      }
    }
    await database.drop();
    rmSync(dir, { recursive: true, force: true });
  });

  const blocks = bashBlocks(join(root, "docs/scaling.md"));
  const run = async (heading: string): Promise<string> => {
    const [block] = blocks.filter((one) => one.heading === heading);
    if (block === undefined) throw new Error(`there is no block under ${heading}`);
    const here = Object.entries(texts).reduce((text, [theirs, ours]) => text.replaceAll(theirs, ours), block.text);
    const state = join(dir, "shell-state");
    const script = `[ ! -f ${state} ] || . ${state}\n${here}\ndeclare -px > ${state}`;
    const { code, stdout, stderr } = await startProcess("bash", ["-euo", "pipefail", "-c", script], { cwd: dir, env })
      .exit;
    expect({ code, stderr: code === 0 ? "" : `${stdout}${stderr}` }).toEqual({ code: 0, stderr: "" });
    return stdout;
  };
  const pids = (): string[] =>
    readdirSync(join(dir, "run"))
      .filter((file) => file.startsWith("tenantctl-"))
      .sort()
      .map((file) => readFileSync(join(dir, "run", file), "utf8"));

  it("starts three processes behind a balancer, and restarts them under it, as it says", {
    timeout: 240_000,
  }, async () => {
    expect(await run("Several processes")).toContain('"ready"');
    const before = pids();
    expect(before).toHaveLength(3);

    let asked = 0;
    let over = false;
    const failed: string[] = [];
    const ask = async (): Promise<void> => {
      while (!over) {
        const answer = await fetch(`http://127.0.0.1:${texts["5000"]}/api/health/live`).catch(
          (error: unknown) => error,
        );
        asked += 1;
        if (!(answer instanceof Response) || !answer.ok)
          failed.push(String(answer instanceof Response ? answer.status : answer));
        else await answer.text();
      }
    };
    const asking = ask();
    await run("Several processes / A restart that nobody notices");
    over = true;
    await asking;
    expect(failed).toEqual([]);
    expect(asked).toBeGreaterThan(10);
    expect(pids().filter((pid) => before.includes(pid))).toEqual([]);
  });
});

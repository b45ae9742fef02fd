import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createDatabase, type TestDatabase } from "../../database/test/harness/database.ts";
import { startProcess } from "../../database/test/harness/process.ts";
import { freePort } from "../../server/test/fixture/free-port.ts";
import { bashBlocks } from "./fixture/markdown-blocks.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const page = join(root, "docs/install.md");
const unit = /```ini\n([\s\S]*?)```/.exec(readFileSync(page, "utf8"))?.[1] ?? "";

describe("docs/install.md", () => {
  let database: TestDatabase;
  let dir: string;
  let port: number;
  let env: NodeJS.ProcessEnv;
  let service: ChildProcess | undefined;

  /** What stands there, with folders of the test, and without the user that a test can't make. */
  const here = (text: string, release: string): string =>
    Object.entries({
      "$(git rev-parse --short HEAD)": release,
      "/opt/": join(dir, "opt/"),
      "/usr/local/bin/": join(dir, "bin/"),
      "/etc/tenantctl": join(dir, "etc"),
      "/var/lib/tenantctl": join(dir, "data"),
      "/var/backups/tenantctl": join(dir, "backups"),
      "postgresql://tenantctl_admin:…@db.internal:5432/tenantctl": database.url,
      "runuser -u tenantctl -- ": "",
      " -g tenantctl": "",
      "chgrp tenantctl ": "ls ",
    }).reduce((whole, [theirs, ours]) => whole.replaceAll(theirs, ours), text);

  const bash = async (script: string): Promise<string> => {
    const { code, stdout, stderr } = await startProcess("bash", ["-euo", "pipefail", "-c", script], { cwd: root, env })
      .exit;
    expect({ code, said: code === 0 ? "" : `${stdout}${stderr}` }).toEqual({ code: 0, said: "" });
    return stdout;
  };
  const run = (heading: string, release = "one"): Promise<string> => {
    const block = bashBlocks(page).find((one) => one.heading === heading);
    if (block === undefined) throw new Error(`there is no block under ${heading}`);
    return bash(here(block.text, release));
  };

  const stop = async (): Promise<void> => {
    const running = service;
    service = undefined;
    if (running === undefined || running.exitCode !== null) return;
    await new Promise((resolve) => {
      running.once("exit", resolve);
      running.kill("SIGTERM");
    });
  };
  /** As systemd would start it: the unit's own line, in an environment with a PATH and nothing else. */
  const start = async (): Promise<void> => {
    const [program = "", ...args] = here(/^ExecStart=(.*)$/m.exec(unit)?.[1] ?? "", "one").split(" ");
    const child = spawn(program, args, { cwd: dir, env: { PATH: env.PATH }, stdio: "ignore" });
    service = child;
    for (;;) {
      expect(child.exitCode).toBeNull();
      const answer = await fetch(`http://127.0.0.1:${port}/api/health/ready`).catch(() => undefined);
      if (answer?.status === 200) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };

  beforeAll(async () => {
    database = await createDatabase();
    dir = mkdtempSync(join(tmpdir(), "tenantctl-install-"));
    for (const name of ["opt", "bin", "data", "backups"]) mkdirSync(join(dir, name));
    port = await freePort();
    env = {
      HOME: process.env.HOME,
      PATH: [join(dir, "bin"), dirname(process.execPath), process.env.PATH].join(delimiter),
      TENANTCTL_CONFIG_DIR: join(dir, "cli"),
    };
  });
  afterAll(async () => {
    await stop();
    await database.drop();
    rmSync(dir, { recursive: true, force: true });
  });

  it("leads from a checkout to a service that answers, and to its next version", { timeout: 400_000 }, async () => {
    expect(await run("Put it there")).toMatch(/\d+\.\d+\.\d+\n$/);
    // The folder stands alone: nothing in it leads back to the checkout.
    expect(spawnSync("find", [join(dir, "opt"), "-lname", `${root}*`], { encoding: "utf8" }).stdout).toBe("");

    // Nor does it bring a PostgreSQL.
    const doctor = await startProcess(join(dir, "bin/tenantctl"), ["doctor"], { cwd: dir, env }).exit;
    expect(doctor.stdout).toContain("embedded PostgreSQL, is not installed");
    expect(doctor.code).toBe(10);

    await run("Settings");
    appendFileSync(
      join(dir, "etc/env"),
      `PORT=${port}\nTENANTCTL_ROLE_PREFIX=${database.prefix}\nTENANTCTL_OVERLOAD_DELAY_MS=3600000\n`,
    );
    await run("Migrate and check");
    await start();
    const password = readFileSync(join(dir, "etc/admin"), "utf8").trim();
    writeFileSync(join(dir, "password"), password, { mode: 0o600 });
    const login = `tenantctl login --api-url http://localhost:${port} --email you@example.com --password-file ${join(dir, "etc/admin")}`;
    await bash(login);
    await bash(
      `tenantctl provision Acme --plan basic --contact-email it@acme.example --admin-name Ada --admin-email ada@acme.example --password-file ${join(dir, "password")}`,
    );

    await run("Upgrade", "two");
    await stop();
    await start();
    expect(await bash("tenantctl list -o jsonl")).toContain('"acme"');
    expect(await bash(`readlink ${join(dir, "opt/tenantctl")}`)).toBe(`${join(dir, "opt/tenantctl-two")}\n`);
    expect(await bash(`tenantctl backup verify --repo ${join(dir, "backups")}`)).toContain("verified 2 files");
  });

  it("has a unit that does not try again what is wrong in the settings", async () => {
    const broken = join(dir, "broken");
    writeFileSync(broken, "PORT=not a port\n");
    const { code } = await startProcess(join(dir, "bin/tenantctl"), ["serve", "--config", broken], { env }).exit;
    expect(unit).toMatch(new RegExp(`^RestartPreventExitStatus=${code}$`, "m"));
  });

  it("has a unit that systemd takes", ({ skip }) => {
    const file = join(dir, "tenantctl.service");
    writeFileSync(file, here(unit, "one"));
    const verified = spawnSync("systemd-analyze", ["verify", file], { encoding: "utf8" });
    if (verified.error !== undefined) skip("systemd is not installed here");
    expect(existsSync(join(dir, "bin/tenantctl"))).toBe(true);
    expect(verified.stderr).not.toContain("tenantctl.service");
  });
});

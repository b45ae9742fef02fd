import { execFileSync } from "node:child_process";
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import { runCli, startCli, startProcess, type TestProcess } from "../../database/test/harness/process.ts";
import { keys, startInPty } from "../../database/test/harness/pty.ts";

const cli = fileURLToPath(new URL("../bin/tenantctl.js", import.meta.url));
const running = /running at (http:\/\/\S+)/;

const folders: string[] = [];
const processes: TestProcess[] = [];
afterEach(async () => {
  for (const started of processes.splice(0)) {
    started.kill("SIGKILL");
    await started.exit;
  }
  for (const folder of folders.splice(0)) {
    // A start that was killed leaves its PostgreSQL running, on purpose; the next start would end it.
    for (const pid of postgresOf(folder)) process.kill(pid, "SIGKILL");
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
});

const newFolder = (): string => {
  const dir = mkdtempSync(join(tmpdir(), "tenantctl-start-"));
  // Open to PostgreSQL's own user, so that the data stays in this folder even where root runs the tests.
  chmodSync(dir, 0o755);
  folders.push(dir);
  return dir;
};

/** Process ids of the postmaster of a data folder, as its own lock file names it. */
const postgresOf = (dir: string): number[] => {
  try {
    const [pid = ""] = readFileSync(join(dir, ".tenantctl/postgres/data/postmaster.pid"), "utf8").split("\n");
    process.kill(Number(pid), 0);
    return [Number(pid)];
  } catch {
    return [];
  }
};

const envOf = (dir: string, more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv => ({
  HOME: dir,
  PATH: process.env.PATH,
  PORT: "0",
  ...more,
});

const start = async (dir: string, more: NodeJS.ProcessEnv = {}): Promise<{ started: TestProcess; url: string }> => {
  const started = startCli(["start"], { cwd: dir, env: envOf(dir, more) });
  processes.push(started);
  const [, url = ""] = await started.waitFor(running, 90_000);
  return { started, url };
};

/** tenantctl with the context that start left, as the second terminal uses it. */
const use = (dir: string, ...args: string[]) =>
  runCli(args, { cwd: dir, env: { ...envOf(dir), TENANTCTL_CONFIG_DIR: join(dir, ".tenantctl/cli") } });

const interrupt = async (started: TestProcess) => {
  started.kill("SIGINT");
  return started.exit;
};

const provision = (dir: string, name: string) => {
  writeFileSync(join(dir, "password"), "correct horse battery");
  return use(
    dir,
    "provision",
    name,
    "--plan",
    "basic",
    "--contact-email",
    "a@b.example",
    "--admin-name",
    "A",
    "--admin-email",
    "a@b.example",
    "--password-file",
    "password",
  );
};

describe("tenantctl start", () => {
  it("brings up everything, says what to try next, and keeps the data for the next start", async () => {
    const dir = newFolder();
    const { started, url } = await start(dir);
    const words = started.stdout();
    expect(words).toMatch(/first operator\s+\S+@\S+\npassword\s+\S{12,}\s+\(shown this once\)/);
    const [exported, ...tries] = words.split("Try next")[1]?.match(/(?<=^ {2})\S.*$/gm) ?? [];
    expect(tries).toEqual(["tenantctl status", "tenantctl provision", "tenantctl list"]);
    expect(exported).toBe(`export TENANTCTL_CONFIG_DIR=${join(dir, ".tenantctl/cli")}`);
    expect((await fetch(`${url}/api/health`)).status).toBe(200);
    expect(await use(dir, "status")).toMatchObject({ code: 0 });
    expect(await provision(dir, "Kept")).toMatchObject({ code: 0 });
    // The password that was shown works.
    const [, email = "", password = ""] = /first operator\s+(\S+)\npassword\s+(\S+)/.exec(words) ?? [];
    const login = await fetch(`${url}/api/auth/login`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ email, password }),
    });
    expect(login.status).toBe(200);
    expect(await interrupt(started)).toMatchObject({ code: 0 });
    expect(postgresOf(dir)).toEqual([]);

    const again = await start(dir);
    expect(again.started.stdout()).not.toMatch(/password/);
    const list = await use(dir, "list", "-o", "json");
    expect(JSON.parse(list.stdout)).toMatchObject([{ slug: "kept" }]);
    await interrupt(again.started);
  });

  it("keeps its secrets to their owner", async () => {
    const dir = newFolder();
    const { started } = await start(dir);
    for (const file of ["jwt-secret", "cli/credentials/local.json"]) {
      expect(statSync(join(dir, ".tenantctl", file)).mode & 0o077).toBe(0);
    }
    const { accessToken, token } = JSON.parse(readFileSync(join(dir, ".tenantctl/cli/credentials/local.json"), "utf8"));
    expect(started.stdout() + started.stderr()).not.toContain(accessToken ?? token);
    await interrupt(started);
  });

  it("uses the first operator that the environment names", async () => {
    const dir = newFolder();
    const { started, url } = await start(dir, {
      TENANTCTL_ADMIN_EMAIL: "me@example.com",
      TENANTCTL_ADMIN_PASSWORD: "my own password",
    });
    expect(started.stdout()).not.toContain("my own password");
    const login = await fetch(`${url}/api/auth/login`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ email: "me@example.com", password: "my own password" }),
    });
    expect(login.status).toBe(200);
    await interrupt(started);
  });

  it("stops in order at Ctrl-C in a terminal, with nothing lost that was answered", async () => {
    const dir = newFolder();
    const terminal = startInPty(process.execPath, [cli, "start"], { cwd: dir, env: envOf(dir) });
    processes.push(terminal);
    const [, url = ""] = await terminal.waitFor(/running at .*?(http:\/\/[\w.:]+)/, 90_000);
    await provision(dir, "Writer");
    const login = await fetch(`${url}/api/auth/login`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ email: "a@b.example", password: "correct horse battery", tenant: "writer" }),
    });
    const { accessToken } = (await login.json()) as { accessToken: string };
    const answered: string[] = [];
    const write = async (worker: number): Promise<void> => {
      for (let n = 0; ; n += 1) {
        const name = `customer ${worker}-${n}`;
        const reply = await fetch(`${url}/api/customers`, {
          method: "POST",
          headers: { "content-type": "application/json", authorization: `Bearer ${accessToken}` },
          body: JSON.stringify({ name }),
        }).catch(() => undefined);
        if (reply?.status !== 201) return;
        answered.push(name);
      }
    };
    const writers = Promise.all([write(1), write(2), write(3)]);
    await expect.poll(() => answered.length, { timeout: 20_000 }).toBeGreaterThan(10);
    terminal.write(keys.ctrlC);
    const [exit] = await Promise.all([terminal.exit, writers]);
    expect(exit.code).toBe(0);
    expect(exit.stdout).toMatch(/stopping[\s\S]*stopped/);
    expect(postgresOf(dir)).toEqual([]);

    const again = await start(dir);
    const stored = await use(dir, "customers", "list", "writer", "-o", "json");
    const names = new Set((JSON.parse(stored.stdout) as { name: string }[]).map(({ name }) => name));
    expect(answered.filter((name) => !names.has(name))).toEqual([]);
    await interrupt(again.started);
  });

  it("starts again after a kill -9 of itself", async () => {
    const dir = newFolder();
    const first = await start(dir);
    await provision(dir, "Survivor");
    first.started.kill("SIGKILL");
    await first.started.exit;
    const second = await start(dir);
    expect(JSON.parse((await use(dir, "list", "-o", "json")).stdout)).toMatchObject([{ slug: "survivor" }]);
    await interrupt(second.started);
  });

  it("says so when its PostgreSQL is killed, ends, and starts again", async () => {
    const dir = newFolder();
    const { started } = await start(dir);
    await provision(dir, "Survivor");
    for (const pid of postgresOf(dir)) process.kill(pid, "SIGKILL");
    const exit = await started.exit;
    expect(exit, exit.stderr).toMatchObject({ code: 9 });
    expect(exit.stderr).toMatch(/error: PostgreSQL ended unexpectedly[\s\S]*next: Start again/);
    const again = await start(dir);
    expect(JSON.parse((await use(dir, "list", "-o", "json")).stdout)).toMatchObject([{ slug: "survivor" }]);
    await interrupt(again.started);
  });

  it("does not outlive the launcher that was killed over it", async () => {
    const dir = newFolder();
    // As npx and pnpm start it: a shell between them and node, and npm's mark in the environment.
    const script = `"${process.execPath}" "${cli}" start; true # tenantctl`;
    const launcher = startProcess("/bin/sh", ["-c", script], {
      cwd: dir,
      env: envOf(dir, { npm_lifecycle_event: "start" }),
    });
    processes.push(launcher);
    const [, url = ""] = await launcher.waitFor(running, 90_000);
    launcher.kill("SIGKILL");
    await expect
      .poll(
        () =>
          fetch(`${url}/api/health/live`).then(
            () => "up",
            () => "down",
          ),
        { timeout: 20_000 },
      )
      .toBe("down");
    await expect.poll(() => postgresOf(dir), { timeout: 20_000 }).toEqual([]);
  });

  it("names a busy port and the way out before it touches anything", async () => {
    const dir = newFolder();
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    const address = other.address();
    const port = String(typeof address === "object" ? address?.port : 0);
    const exit = await runCli(["start"], { cwd: dir, env: envOf(dir, { PORT: port }) });
    other.close();
    expect(exit.code).toBe(7);
    expect(exit.stderr).toMatch(
      new RegExp(`^error: Port ${port} on 127\\.0\\.0\\.1 is in use[^\\n]*\\nnext: [^\\n]*PORT=`),
    );
    expect(readdirSync(dir)).toEqual([]);
  });

  it("refuses a data folder that another start uses", async () => {
    const dir = newFolder();
    const { started } = await start(dir);
    const second = await runCli(["start"], { cwd: dir, env: envOf(dir) });
    expect(second.code).toBe(7);
    expect(second.stderr).toMatch(/^error: [^\n]*in use[^\n]*\nnext: [^\n]+\n$/);
    expect(await use(dir, "status")).toMatchObject({ code: 0 });
    await interrupt(started);
  });

  it("refuses the data of another PostgreSQL major version", async () => {
    const dir = newFolder();
    const { started } = await start(dir);
    await interrupt(started);
    writeFileSync(join(dir, ".tenantctl/postgres/data/PG_VERSION"), "16\n");
    const exit = await runCli(["start"], { cwd: dir, env: envOf(dir) });
    expect(exit.code).toBe(7);
    expect(exit.stderr).toMatch(/error: [^\n]*PostgreSQL 16[^\n]*\nnext: [^\n]+/);
  });

  it("reports every fault of its configuration at once", async () => {
    const dir = newFolder();
    const exit = await runCli(["start"], {
      cwd: dir,
      env: envOf(dir, { PORT: "http", TENANTCTL_PURGE_DAYS: "-1", TENANTCTL_ROLE_PREFIX: "x y" }),
    });
    expect(exit.code).toBe(2);
    for (const name of ["PORT", "TENANTCTL_PURGE_DAYS", "TENANTCTL_ROLE_PREFIX"]) expect(exit.stderr).toContain(name);
    expect(readdirSync(dir)).toEqual([]);
  });

  it.runIf(process.getuid?.() === 0)("works for an ordinary user whose home is closed to others", async () => {
    const dir = newFolder();
    execFileSync("chown", ["nobody", dir]);
    execFileSync("chmod", ["700", dir]);
    const started = startProcess("setpriv", ["--reuid=nobody", "--clear-groups", process.execPath, cli, "start"], {
      cwd: dir,
      env: envOf(dir),
    });
    processes.push(started);
    await started.waitFor(running, 90_000);
    expect(await interrupt(started)).toMatchObject({ code: 0 });
  });
});

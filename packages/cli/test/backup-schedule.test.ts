import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { startProcess } from "../../database/test/harness/process.ts";
import { cronLine, systemdUnits } from "../src/backup/schedule.ts";
import { type ArchiveServer, startArchiveServer } from "./archive-server.ts";
import { apiToken } from "./fake-api.ts";
import { type BackupHome, makeBackupHome } from "./fixture/backup-home.ts";

let server: ArchiveServer;
let at: BackupHome;
let token: string;
beforeEach(async () => {
  server = await startArchiveServer(["acme"]);
  at = makeBackupHome();
  token = join(at.home, "the token");
  writeFileSync(token, `${apiToken}\n`, { mode: 0o600 });
});
afterEach(async () => {
  await server.close();
  at.remove();
});

const schedule = (...flags: string[]) => at.run(["backup", "schedule", "--token-file", token, ...flags], server);

it("prints a crontab line that works in an empty environment, whatever its paths hold", async () => {
  const repo = join(at.home, "it's 100% $HOME");
  mkdirSync(repo);
  const { code, stdout } = await schedule("--cron", "--repo", repo, "--at", "03:05");
  expect(code).toBe(0);
  const [, time, command = ""] = /^((?:\S+ ){5})(.*)\n$/.exec(stdout) ?? [];
  expect(time).toBe("5 3 * * * ");
  // cron itself: the first plain % ends the command, \% is a percent sign.
  expect(command).not.toMatch(/(?<!\\)%/);
  const run = startProcess("/bin/sh", ["-c", command.replaceAll("\\%", "%")], { cwd: "/", env: {} });
  const { code: exit, stderr } = await run.exit;
  expect({ exit, stderr, log: readFileSync(`${repo}.log`, "utf8") }).toEqual({
    exit: 0,
    stderr: "",
    log: expect.stringMatching(/^backed up 1 tenant, /m),
  });
  expect((await at.run(["backup", "verify", "--repo", repo])).code).toBe(0);
});

it("prints systemd units that systemd takes", async ({ skip }) => {
  const { code, stdout } = await schedule(
    "--systemd",
    "--repo",
    at.repo,
    "--ping-url",
    "https://hc.example/a%20b",
    "--expires-after",
    "35d",
  );
  expect(code).toBe(0);
  expect(stdout).toContain("OnCalendar=*-*-* 02:30:00");
  expect(stdout).toContain("Persistent=true");
  expect(stdout).toContain(`Environment="TENANTCTL_TOKEN_FILE=${token}"`);
  expect(stdout).toContain("https://hc.example/a%%20b");
  expect(stdout).toContain(" --expires-after 35d ");
  const [service = "", timer = ""] = stdout.split("# /etc/systemd/system/tenantctl-backup.timer\n");
  for (const [name, text] of [
    ["tenantctl-backup.service", service],
    ["tenantctl-backup.timer", timer],
  ] as const)
    writeFileSync(join(at.home, name), text);
  const verified = spawnSync("systemd-analyze", ["verify", join(at.home, "tenantctl-backup.timer")], {
    encoding: "utf8",
  });
  if (verified.error !== undefined) skip("systemd is not installed here");
  expect(verified.stderr).not.toMatch(/tenantctl-backup/);
});

it("wants a token file that can be read, and one kind of schedule", async () => {
  const without = await at.run(["backup", "schedule", "--cron"], server);
  expect([without.code, without.stderr]).toEqual([2, expect.stringMatching(/say where the token is: --token-file/)]);
  chmodSync(token, 0o600);
  expect((await at.run(["backup", "schedule", "--cron", "--token-file", "nowhere"], server)).code).toBe(2);
  expect((await schedule()).code).toBe(2);
  expect((await schedule("--cron", "--systemd")).code).toBe(2);
  expect((await schedule("--cron", "--at", "25:00")).code).toBe(2);
  expect((await schedule("--cron", "--expires-after", "35")).code).toBe(2);
});

const words = ["/opt/node", "/opt/it's/tenantctl.js", "backup", "--repo", "/a b"];
const common = { words, env: { TOKEN_FILE: "/a b/50%" }, log: "/var/log/x", hour: 2, minute: 30 };

it("quotes for sh and for cron", () => {
  expect(cronLine(common)).toBe(
    "30 2 * * * TOKEN_FILE='/a b/50\\%' /opt/node '/opt/it'\\''s/tenantctl.js' backup --repo '/a b' >> /var/log/x 2>&1",
  );
});

it("quotes for systemd", () => {
  expect(systemdUnits(common)).toContain('Environment="TOKEN_FILE=/a b/50%%"\n');
  expect(systemdUnits(common)).toContain(`ExecStart=/opt/node "/opt/it's/tenantctl.js" backup --repo "/a b"\n`);
});

import { setTimeout as wait } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { keys } from "../../database/test/harness/pty.ts";
import type { Status } from "../src/status/known.ts";
import { problem } from "./fake-api.ts";
import { openShell, plain, type Shell } from "./fake-shell.ts";
import { brokenStatus, freshStatus } from "./fixture/statuses.ts";

const screens = { enter: "\u001b[?1049h", leave: "\u001b[?1049l", showCursor: "\u001b[?25h", wrap: "\u001b[?7h" };

/** A shell whose API says what `say` was given last. */
const watched = async (first: Status): Promise<{ shell: Shell; say: (status: Status | "refuse" | "hang") => void }> => {
  const shell = await openShell();
  await shell.login();
  let now: Status | "refuse" | "hang" = first;
  const answer = async () => {
    if (now === "hang") await wait(20_000, undefined, { ref: false });
    return now === "refuse" || now === "hang"
      ? { status: 502, body: "a proxy's page", headers: { "content-type": "text/html" } }
      : { body: now };
  };
  shell.api.on("GET /api/admin/status", answer);
  shell.api.on("GET /api/health", async () => (typeof now === "string" ? answer() : { body: now.health }));
  return {
    shell,
    say: (status) => {
      now = status;
    },
  };
};

describe("status", () => {
  it("is 0 when all is well and 10 when something needs a person, with what and the next command", async () => {
    const { shell, say } = await watched(freshStatus);
    const well = await shell.run(["status"]);
    expect(well).toMatchObject({ code: 0, stderr: "" });
    expect(well.stdout).toMatch(/^ALL WELL\n/);
    say(brokenStatus);
    const unwell = await shell.run(["status"]);
    expect(unwell.code).toBe(10);
    expect(unwell.stdout).toMatch(/^17 THINGS NEED A PERSON\n\ncritical .*migrations.*\n +tenantctl migrate\n/);
  });

  it("in JSON is what the API says, for monitoring", async () => {
    const { shell, say } = await watched(brokenStatus);
    const { code, stdout } = await shell.run(["status", "-o", "json"]);
    expect(code).toBe(10);
    expect(JSON.parse(stdout)).toEqual(brokenStatus);
    say(freshStatus);
    expect(JSON.parse((await shell.run(["status", "-o", "json"])).stdout).needsAttention).toEqual([]);
  });

  it("in JSON has the same shape without a login, and where nothing answers", async () => {
    const { shell, say } = await watched(freshStatus);
    const anonymous = { TENANTCTL_CONFIG_DIR: `${shell.dir}-none`, TENANTCTL_API_URL: shell.api.url };
    const health = await shell.run(["status", "-o", "json"], { env: anonymous });
    expect(health.code).toBe(0);
    expect(JSON.parse(health.stdout)).toEqual({
      needsAttention: [],
      needsAttentionTotal: 0,
      health: freshStatus.health,
    });
    say("refuse");
    const nothing = await shell.run(["status", "-o", "json"]);
    expect(nothing.code).toBe(9);
    expect(JSON.parse(nothing.stdout)).toEqual({
      needsAttention: [
        { what: expect.stringContaining("502"), next: expect.any(String), severity: "critical", since: null },
      ],
      needsAttentionTotal: 1,
      health: null,
    });
    expect(JSON.parse(nothing.stderr)).toMatchObject({ code: "unreachable", exit: 9, hint: expect.any(String) });
  });

  it("says what is known when the database is down, and what to do", async () => {
    const { shell } = await watched(freshStatus);
    shell.api.on("GET /api/admin/status", () => problem("database_unavailable", "The database is away.", "Wait."));
    shell.api.on("GET /api/health", () => ({
      status: 503,
      body: {
        ...freshStatus.health,
        status: "down",
        database: { reachable: false, latencyMs: null },
        migrations: "unknown",
      },
    }));
    const { code, stdout } = await shell.run(["status"]);
    expect(code).toBe(10);
    expect(stdout).toMatch(
      /^1 THING NEEDS A PERSON\n[\s\S]*the database does not answer\n +check that PostgreSQL runs/,
    );
  });

  it("is 4 where the login is refused: whoever relies on it must not hear that all is well", async () => {
    const { shell } = await watched(freshStatus);
    for (const code of ["scope_missing", "token_invalid"] as const) {
      shell.api.on("GET /api/admin/status", () => problem(code, "Not with this.", "Another one."));
      const refused = await shell.run(["status"]);
      expect(refused.code).toBe(4);
      expect(refused.stdout).toMatch(/^HEALTH OK/);
      expect(refused.stderr).toMatch(/only the public part\. Next: /);
    }
  });

  it("fits the window, in colour only where that is wanted", async () => {
    const { shell } = await watched(brokenStatus);
    const { code, stdout } = await shell.terminal(["status"], 60).exit;
    expect(code).toBe(10);
    expect(stdout).toContain("\u001b[31m");
    const lines = plain(stdout).trimEnd().split("\n");
    expect(lines.length).toBeLessThanOrEqual(22);
    expect((await shell.terminal(["status", "--no-color"], 60).exit).stdout).not.toContain("\u001b[3");
  });
});

describe("status --watch", () => {
  it("draws in place, keeps what it knew while nothing answers, and recovers by itself", async () => {
    const { shell, say } = await watched(freshStatus);
    const watch = shell.terminal(["status", "--watch=1"]);
    await watch.waitFor(/ALL WELL/);
    say("refuse");
    await watch.waitFor(/UNREACHABLE[\s\S]*since \d{4}-\d\d-\d\d[\s\S]*as of .*ALL WELL[\s\S]*operations/);
    say(brokenStatus);
    await watch.waitFor(/17 THINGS NEED A PERSON/);
    watch.write("q");
    const { code, stdout } = await watch.exit;
    expect(code).toBe(10);
    expect(stdout.indexOf(screens.enter)).toBeGreaterThanOrEqual(0);
    const end = stdout.slice(stdout.indexOf(screens.leave));
    expect(end).toContain("17 THINGS NEED A PERSON");
    for (const piece of [screens.showCursor, screens.wrap]) expect(stdout).toContain(piece);
    // Drawn over what was there: a screen that is cleared first flickers.
    expect(stdout).not.toContain("\u001b[2J");
  });

  it("says that an answer is late before it gives it up", async () => {
    const { shell, say } = await watched(freshStatus);
    const watch = shell.terminal(["status", "--watch=1"]);
    await watch.waitFor(/ALL WELL/);
    say("hang");
    await watch.waitFor(/no answer since/);
    await watch.waitFor(/UNREACHABLE/);
    watch.write("q");
    expect((await watch.exit).code).toBe(9);
  });

  it("Ctrl-C and a signal give the terminal back: 130, 143", async () => {
    const { shell } = await watched(freshStatus);
    const keyboard = shell.terminal(["status", "--watch"]);
    await keyboard.waitFor(/ALL WELL/);
    keyboard.write(keys.ctrlC);
    const { code, stdout } = await keyboard.exit;
    expect(code).toBe(130);
    for (const piece of Object.values(screens)) expect(stdout).toContain(piece);
  });

  it("in a pipe is a line each time, in JSON lines an object", async () => {
    const { shell, say } = await watched(freshStatus);
    const lines = shell.start(["status", "--watch=1"]);
    await lines.waitFor(/^\S+ \S+ UTC {2}ALL WELL$/m);
    say(brokenStatus);
    await lines.waitFor(
      /17 THINGS NEED A PERSON: the database lacks migrations of this version \(tenantctl migrate\)$/m,
    );
    lines.kill("SIGTERM");
    const { code, stdout } = await lines.exit;
    expect(code).toBe(143);
    expect(stdout).not.toContain("\u001b");
    const objects = shell.start(["status", "--watch=1", "-o", "jsonl"]);
    await objects.waitFor(/\n.*\n/);
    say("refuse");
    await objects.waitFor(/"health":null/);
    objects.kill("SIGINT");
    for (const line of (await objects.exit).stdout.trim().split("\n"))
      expect(JSON.parse(line).needsAttention).toBeInstanceOf(Array);
  });

  it("takes seconds, and no form that has no end", async () => {
    const { shell } = await watched(freshStatus);
    for (const args of [["--watch=0"], ["--watch=soon"], ["--watch", "-o", "json"], ["--watch", "-o", "csv"]]) {
      const { code, stderr } = await shell.run(["status", ...args]);
      expect([code, stderr]).toEqual([2, expect.stringMatching(/--watch/)]);
    }
  });

  it("says on a terminal that cannot draw a line each time", async () => {
    const { shell } = await watched(freshStatus);
    const started = shell.terminal(["status", "--watch=1"], 80, { TERM: "dumb" });
    await started.waitFor(/UTC {2}ALL WELL/);
    started.write(keys.ctrlC);
    expect((await started.exit).stdout).not.toContain("\u001b");
  });
});

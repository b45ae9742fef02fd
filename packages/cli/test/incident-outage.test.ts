import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type IncidentSystem, startIncidentSystem } from "./fixture/incident-system.ts";

let system: IncidentSystem;
beforeAll(async () => {
  system = await startIncidentSystem();
}, 180_000);
afterAll(() => system?.stop());

interface Answer {
  readonly id: string;
  readonly items: readonly { id: string; result: string; evidence: readonly string[] }[];
  readonly steps: readonly { id: string; state: string }[];
}
const results = ({ items }: Answer): string[] => items.map(({ id, result }) => `${id} ${result}`);

describe("an outage", () => {
  it("while the API is killed and nothing else is there: looked at, noted in a file, brought in later, once", async () => {
    // The contacts are known from before; a number is what helps when nothing else works.
    await system.call("PUT", "/api/admin/contacts/ann", { role: "on_call", phone: "+49 30 1234567" });
    const env = system.operator("laptop");
    const before = await system.run(["incident", "open", "system-down", "--auto", "--no-input", "-o", "json"], env);
    expect(before.code, before.stderr).toBe(0);
    expect(results(JSON.parse(before.stdout))).toEqual([
      "server ok",
      expect.stringMatching(/^database (ok|needs_person|warning)$/),
      "errors ok",
      "restart needs_person",
      "notify needs_person",
    ]);

    await system.killApi();
    const opened = await system.run(
      ["incident", "open", "system-down", "--title", "nothing answers", "--auto", "--no-input", "-o", "json"],
      env,
    );
    expect(opened.code, opened.stderr).toBe(10);
    expect(opened.stderr).toContain("DATABASE_URL is not set");
    const answer: Answer = JSON.parse(opened.stdout);
    expect(results(answer)).toEqual([
      "server problem",
      "database problem",
      "errors needs_person",
      "restart needs_person",
      "notify needs_person",
    ]);
    expect(answer.items.at(-1)?.evidence.join("\n")).toContain("ann, +49 30 1234567");
    const folder = join(system.dir, "laptop", "incidents");
    expect(statSync(join(folder, `${answer.id}.jsonl`)).mode & 0o077).toBe(0);
    const step = (...args: string[]) => system.run(["incident", "step", answer.id, ...args], env);
    expect((await step("notify", "--done", "called ann")).code).toBe(0);
    const listed = await system.run(["incident", "list", "-o", "json"], env);
    expect(JSON.parse(listed.stdout)).toContainEqual(expect.objectContaining({ id: answer.id, stepsSettled: 3 }));

    // A hook that brings it back, run only by whoever says so.
    await system.startApi();
    writeFileSync(join(system.dir, "hook.sh"), "#!/bin/sh\necho brought back\n");
    chmodSync(join(system.dir, "hook.sh"), 0o755);
    const hooked = { ...env, TENANTCTL_RESTART_HOOK: join(system.dir, "hook.sh"), TENANTCTL_API_URL: system.url };
    const asked = await system.run(["incident", "step", answer.id, "restart"], hooked);
    expect([asked.code, asked.stderr]).toEqual([2, expect.stringContaining("--yes")]);
    const restarted = await system.run(
      ["incident", "step", answer.id, "restart", "--allow-restart", "-o", "json"],
      hooked,
    );
    expect(restarted.code, restarted.stderr).toBe(0);
    expect(JSON.parse(restarted.stdout).items[0].evidence).toContain("brought back");

    const imported = await system.run(["incident", "import"], hooked);
    expect(imported.code, imported.stderr).toBe(0);
    expect(imported.stderr).toContain("the server has it all");
    const shown: Answer & { entries: { kind: string; by: string; recordedBy: string }[] } = JSON.parse(
      (await system.run(["incident", "show", answer.id, "-o", "json"], hooked)).stdout,
    );
    const notified = shown.entries.filter(({ kind }) => kind === "done").map(({ by, recordedBy }) => [by, recordedBy]);
    expect(notified[0]).toEqual([expect.stringMatching(/^local:/), "root@example.com"]);
    expect(shown.entries.filter(({ kind }) => kind === "done")).toHaveLength(6);

    expect((await system.run(["incident", "step", answer.id, "errors", "--done", "read the log"], hooked)).code).toBe(
      0,
    );
    const closed = await system.run(["incident", "close", answer.id, "--summary", "a full disk"], hooked);
    expect(closed.code, closed.stderr).toBe(0);
    expect(readdirSync(folder)).not.toContain(`${answer.id}.jsonl`);
    const exported = await system.run(["incident", "export", answer.id, "-f", "outage.md"], hooked);
    expect(exported.code, exported.stderr).toBe(0);
    const text = readFileSync(join(system.dir, "outage.md"), "utf8");
    for (const line of ["Check server status", "nothing answers", "called ann", "brought back", "a full disk"])
      expect(text).toContain(line);
  });

  it("with the database's URL: looks at the database itself, and says when it is gone too", async () => {
    await system.killApi();
    const env = { ...system.operator("server"), ...system.local };
    const opened = await system.run(["incident", "open", "system-down", "--auto", "--no-input", "-o", "json"], env);
    expect(opened.code, opened.stderr).toBe(10);
    const answer: Answer = JSON.parse(opened.stdout);
    expect(answer.items[1]?.evidence[0]).toMatch(/^it answers, asked directly/);
    const gone = { ...env, DATABASE_URL: "postgresql://nobody@127.0.0.1:1/none" };
    const without = await system.run(["incident", "step", answer.id, "database", "--again", "-o", "json"], gone);
    expect(without.code, without.stderr).toBe(10);
    expect(JSON.parse(without.stdout).items[0].evidence.join("\n")).toMatch(
      /ECONNREFUSED|not be reached|does not answer/,
    );
    // What was found without it is there when it is back.
    const [{ count } = { count: "" }] = await system.sql<{ count: string }>(
      "select count(*) from app.incident_entries where incident_id = $1",
      [answer.id],
    );
    const back = await system.run(["incident", "import", "-o", "json"], env);
    expect(back.code, back.stderr).toBe(0);
    const [{ count: after } = { count: "" }] = await system.sql<{ count: string }>(
      "select count(*) from app.incident_entries where incident_id = $1",
      [answer.id],
    );
    expect(Number(after)).toBe(Number(count) + 2);
    expect((await system.run(["incident", "import", "-o", "json"], env)).stdout.trim()).toBe("[]");
    await system.startApi();
  });
});

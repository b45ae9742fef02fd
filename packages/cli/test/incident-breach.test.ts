import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
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
  readonly items: readonly { id: string; result: string; evidence: readonly string[]; next: string | null }[];
  readonly steps: readonly { id: string; state: string }[];
  readonly tenants: readonly unknown[];
  readonly overlaps: readonly { id: string }[];
}

const states = ({ steps }: Answer): string[] => steps.map(({ id, state }) => `${id} ${state}`);

describe("a breach", () => {
  it("of 100 tenants: all shut out by one command that asks nothing, evidence sealed, then closed and documented", async () => {
    const tenants = await system.tenants(100);
    expect(await Promise.all(tenants.slice(0, 5).map(system.customers))).toEqual(Array(5).fill(200));
    await system.call("POST", `/api/admin/tenants/${tenants[7]?.slug}/suspend`);

    const opened = await system.run([
      "incident",
      "open",
      "data-breach",
      ...tenants.flatMap(({ slug }) => ["--tenant", slug]),
      "--title",
      "Rows of <b>others</b> seen",
      "--auto",
      "--no-input",
      "--evidence",
      "evidence",
      "-o",
      "json",
    ]);
    expect(opened.code, opened.stderr).toBe(0);
    const answer: Answer = JSON.parse(opened.stdout);
    expect(states(answer)).toEqual([
      "suspend done",
      "preserve done",
      "notify person",
      "scope person",
      "document pending",
    ]);
    const [suspended] = answer.items;
    expect(suspended?.evidence[0]).toMatch(/^99 tenants suspended, 1 let nobody in already, in \d+ ms$/);
    expect(suspended?.evidence[1]).toMatch(/^100 sessions and tokens tried as the next request would be: all refused$/);
    expect(new Set(await Promise.all(tenants.map(system.customers)))).toEqual(new Set([403]));

    // What holds the evidence together can be checked without this product.
    const bundle = join(system.dir, "evidence");
    expect(statSync(bundle).mode & 0o077).toBe(0);
    const checked = execFileSync("sha256sum", ["-c", "SHA256SUMS"], { cwd: bundle, encoding: "utf8" });
    expect(checked).toMatch(/audit\.jsonl: OK/);
    const verify = ["pkeyutl", "-verify", "-pubin", "-inkey", "public-key.pem", "-rawin", "-in", "manifest.json"];
    expect(execFileSync("openssl", [...verify, "-sigfile", "manifest.sig"], { cwd: bundle, encoding: "utf8" })).toMatch(
      /Verified Successfully/,
    );
    const everything = readdirSync(bundle).map((name) => readFileSync(join(bundle, name), "utf8"));
    expect(everything.join("\n")).not.toContain(tenants[0]?.token.slice(40));
    const rows = readFileSync(join(bundle, "audit.jsonl"), "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(rows.filter(({ action }) => action === "suspend")).toHaveLength(100);
    expect(rows.filter(({ action }) => action === "set_hold")).toHaveLength(100);

    const step = (...args: string[]) => system.run(["incident", "step", answer.id, ...args]);
    const early = await system.run(["incident", "close", answer.id, "--summary", "done"]);
    expect([early.code, early.stderr]).toEqual([7, expect.stringContaining("document (pending)")]);
    expect((await step("notify", "--done", "called the head of security")).code).toBe(0);
    expect((await step("scope", "--done", "only a@b.example read, from one address")).code).toBe(0);
    for (const file of ["incident.md", "incident.html"]) {
      const exported = await system.run(["incident", "export", answer.id, "-f", file]);
      expect(exported.code, exported.stderr).toBe(0);
      const text = readFileSync(join(system.dir, file), "utf8");
      for (const line of [
        "Suspend affected tenants",
        "Preserve audit logs",
        "called the head of security",
        "99 tenants suspended",
      ])
        expect(text).toContain(line);
      expect(text).not.toContain("<b>others");
    }
    const closed = await system.run(["incident", "close", answer.id, "--summary", "a stolen laptop"]);
    expect(closed.code, closed.stderr).toBe(0);
    const listed = await system.run(["incident", "list", "--status", "closed", "-o", "json"]);
    expect(JSON.parse(listed.stdout)).toEqual([expect.objectContaining({ id: answer.id, stepsSettled: 5 })]);
    const again = await system.run(["incident", "export", answer.id, "--evidence", "evidence"]);
    expect([again.code, again.stderr]).toEqual([2, expect.stringContaining("not overwritten")]);
    const packed = await system.run(["incident", "export", answer.id, "-f", "evidence.tar"]);
    expect(packed.code, packed.stderr).toBe(0);
    expect(execFileSync("tar", ["-tf", "evidence.tar"], { cwd: system.dir, encoding: "utf8" })).toContain(
      "manifest.sig",
    );
  });

  it("of tenants of which one is unknown suspends the others, and names it; of unknown ones only opens nothing", async () => {
    const [tenant] = await system.tenants(1);
    if (tenant === undefined) throw new Error("no tenant");
    const open = (...names: string[]) =>
      system.run([
        "incident",
        "open",
        "data-breach",
        ...names.flatMap((name) => ["--tenant", name]),
        "--auto",
        "-o",
        "json",
      ]);
    const opened = await open("nobody", tenant.slug);
    expect(opened.code, opened.stderr).toBe(3);
    const answer: Answer = JSON.parse(opened.stdout);
    expect(answer.tenants).toEqual([{ id: tenant.id, slug: tenant.slug }]);
    expect(answer.items[0]?.evidence).toContain("FAILED nobody: There is no such tenant.");
    expect(await system.customers(tenant)).toBe(403);

    const none = await open("nobody", "none");
    expect([none.code, none.stderr]).toEqual([6, expect.stringContaining("nobody, none")]);
    const listed: unknown[] = JSON.parse((await system.run(["incident", "list", "-o", "json"])).stdout);
    expect(listed).toHaveLength(1);
    expect((await system.run(["incident", "open", "data-breach", "--auto"])).code).toBe(2);

    const overlapping = await open(tenant.slug);
    expect(JSON.parse(overlapping.stdout)).toMatchObject({ overlaps: [{ id: answer.id, tenants: 1 }] });
  });

  it("holds a step for one of two operators, and tells the other who has it", async () => {
    const [tenant] = await system.tenants(1);
    const opened = await system.run([
      "incident",
      "open",
      "data-breach",
      "--tenant",
      tenant?.slug ?? "",
      "--yes",
      "-o",
      "json",
    ]);
    const { id }: Answer = JSON.parse(opened.stdout);
    await system.call("POST", `/api/admin/incidents/${id}/entries`, {
      id: crypto.randomUUID(),
      kind: "started",
      step: "scope",
      claimant: crypto.randomUUID(),
    });
    const other = system.operator("other");
    const held = await system.run(["incident", "step", id, "scope"], other);
    expect([held.code, held.stderr]).toEqual([11, expect.stringMatching(/root@example\.com is at scope since/)]);
    const taken = await system.run(["incident", "step", id, "scope", "--take-over"], other);
    expect(taken.code, taken.stderr).toBe(0);
    const done = await system.run(["incident", "step", id, "suspend"], other);
    expect([done.code, done.stderr]).toEqual([7, expect.stringMatching(/suspend was done by root@example\.com/)]);
  });

  it("goes on straight on the database when the API is killed, and nothing is done twice when tenantctl is", async () => {
    const [tenant] = await system.tenants(1);
    if (tenant === undefined) throw new Error("no tenant");
    await system.killApi();
    const env = { ...system.operator("offline"), ...system.local };
    const opened = await system.run(
      ["incident", "open", "data-breach", "--tenant", tenant.slug, "--yes", "-o", "json"],
      env,
    );
    expect(opened.code, opened.stderr).toBe(0);
    expect(opened.stderr).toContain("working straight on the database");
    const { id }: Answer = JSON.parse(opened.stdout);

    // Killed while it waits for a lock in the middle of the step.
    const killed = await system.sql("select 1").then(async () => {
      const { withClient } = await import("../../database/test/harness/database.ts");
      return withClient(system.database.url, async (client) => {
        await client.query(`set role "${system.database.prefix}_owner"`);
        await client.query("begin");
        await client.query("lock table app.legal_holds in access exclusive mode");
        const process = system.start(["incident", "step", id, "preserve", "--evidence", "late"], env);
        const deadline = Date.now() + 60_000;
        for (;;) {
          const { rows } = await client.query(
            "select 1 from pg_locks where not granted and relation = 'app.legal_holds'::regclass",
          );
          if (rows.length > 0) break;
          if (Date.now() > deadline) throw new Error(`it never came to the holds: ${process.stderr()}`);
          await new Promise((resolve) => setTimeout(resolve, 50));
        }
        process.kill("SIGKILL");
        await process.exit;
        await client.query("rollback");
        return true;
      });
    });
    expect(killed).toBe(true);
    const shown: Answer = JSON.parse((await system.run(["incident", "show", id, "-o", "json"], env)).stdout);
    expect(states(shown)).toContain("preserve running");
    const resumed = await system.run(["incident", "step", id, "--auto", "--evidence", "late", "-o", "json"], env);
    expect(resumed.code, resumed.stderr).toBe(0);
    expect(states(JSON.parse(resumed.stdout))).toEqual([
      "suspend done",
      "preserve done",
      "notify person",
      "scope person",
      "document pending",
    ]);
    expect(existsSync(join(system.dir, "late", "manifest.sig"))).toBe(true);
    const audit = await system.sql<{ action: string; actor_name: string }>(
      "select action, actor_name from app.audit_log where tenant_id = $1 order by at",
      [tenant.id],
    );
    expect(audit.map(({ action }) => action)).toEqual(["suspend", "set_hold"]);
    expect(audit[0]?.actor_name).toMatch(/^local:/);
    await system.startApi();
    expect(await system.customers(tenant)).toBe(403);
  });
});

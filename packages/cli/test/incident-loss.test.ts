import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
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

it("a loss: maintenance, compared with the backup, restored with the slug typed, verified, in service again, documented", async () => {
  const [lost, spared] = await system.tenants(2);
  if (lost === undefined || spared === undefined) throw new Error("no tenants");
  const customers = `/api/customers?tenantId=${lost.slug}`;
  for (const name of ["One", "Two", "Three"]) await system.call("POST", customers, { name });
  const backedUp = await system.run(["backup", "--repo", "repo"]);
  expect(backedUp.code, backedUp.stderr).toBe(0);
  await system.sql("delete from app.customers where tenant_id = $1", [lost.id]);
  const [unsaved] = await system.tenants(1);

  const opened = await system.run([
    "incident",
    "open",
    "data-loss",
    "--repo",
    "repo",
    ...[lost, spared, unsaved].flatMap((tenant) => ["--tenant", tenant?.slug ?? ""]),
    "--auto",
    "--no-input",
    "-o",
    "json",
  ]);
  expect(opened.code, opened.stderr).toBe(10);
  const answer: Answer = JSON.parse(opened.stdout);
  const found = answer.items.find(({ id }) => id === "affected")?.evidence ?? [];
  expect(found[0]).toMatch(new RegExp(`^${lost.slug}: differs from .*customers: 3 missing, 0 newer, 0 changed`));
  expect(found[1]).toMatch(new RegExp(`^${spared.slug}: as in its backup`));
  expect(found[2]).toMatch(new RegExp(`^${unsaved?.slug}: NOT COMPARED: no finished run in repo`));

  // The rest is one tenant's incident.
  const one = await system.run([
    "incident",
    "open",
    "data-loss",
    "--repo",
    "repo",
    "--tenant",
    lost.slug,
    "-o",
    "json",
  ]);
  expect(one.code, one.stderr).toBe(0);
  const { id }: Answer = JSON.parse(one.stdout);
  const step = (name: string, ...args: string[]) =>
    system.run([
      "incident",
      "step",
      id,
      name,
      "-o",
      "json",
      ...(name === "stop" || name === "resume" ? [] : ["--repo", "repo"]),
      ...args,
    ]);
  const unasked = await step("stop");
  expect(unasked.code).toBe(2);
  expect((await step("stop", "--yes")).code).toBe(0);
  expect(await system.customers(lost)).toBe(503);
  const affected = await step("affected");
  expect(affected.code, affected.stderr).toBe(0);
  const unconfirmed = await step("restore", "--yes");
  expect(unconfirmed.code, unconfirmed.stderr).toBe(3);
  expect(unconfirmed.stdout).toContain("its slug was not confirmed");
  const restored = await step("restore", "--confirm", lost.slug);
  expect(restored.code, restored.stdout + restored.stderr).toBe(0);
  const verified = await step("verify");
  expect(verified.code, verified.stdout + verified.stderr).toBe(0);
  expect(verified.stdout).toContain("as in its backup");
  expect(verified.stdout).toContain("audit log as it was written");
  expect((await step("resume", "--yes")).code).toBe(0);
  // No 503 any more; a restore has ended what was let in before it.
  expect(await system.customers(lost)).toBe(401);
  const [{ count } = { count: "" }] = await system.sql<{ count: string }>(
    "select count(*) from app.customers where tenant_id = $1",
    [lost.id],
  );
  expect(count).toBe("3");
  const exported = await system.run(["incident", "export", id, "-f", "loss.html"]);
  expect(exported.code, exported.stderr).toBe(0);
  const text = readFileSync(join(system.dir, "loss.html"), "utf8");
  for (const line of ["Stop all operations", "customers: 3 missing", "Resume operations", "restored; before"])
    expect(text).toContain(line);
  expect((await system.run(["incident", "close", id, "--summary", "a wrong script"])).code).toBe(0);
});

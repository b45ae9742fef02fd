import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { canonicalJson } from "@tenantctl/contract";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Exit, runCli } from "../../database/test/harness/process.ts";
import { startInPty } from "../../database/test/harness/pty.ts";
import { startTestServer, type TestServer } from "../../server/test/fixture/server.ts";
import { until } from "../../server/test/fixture/until.ts";
import { plain } from "./fake-shell.ts";

const bin = fileURLToPath(new URL("../bin/tenantctl.js", import.meta.url));

let server: TestServer;
let dir: string;
let env: NodeJS.ProcessEnv;
beforeAll(async () => {
  server = await startTestServer();
  dir = mkdtempSync(join(tmpdir(), "tenantctl-hold-"));
  env = {
    PATH: process.env.PATH,
    HOME: dir,
    TENANTCTL_CONFIG_DIR: dir,
    TENANTCTL_API_URL: server.url,
    TENANTCTL_TOKEN: await server.operatorToken(),
  };
});
afterAll(async () => {
  await server?.stop();
  rmSync(dir, { recursive: true, force: true });
});

const tenantctl = (...args: string[]): Promise<Exit> => runCli(args, { env, cwd: dir });

describe("a legal hold", () => {
  it("is set, listed, shown, stops a hard delete, and is released", async () => {
    const { slug } = await server.provision();
    const set = await tenantctl("hold", "set", slug, "--reason", "case 2026-11");
    expect(set, set.stderr).toMatchObject({ code: 0 });
    expect(set.stderr).toContain(`${slug} is under a legal hold`);
    const listed = await tenantctl("hold", "list", "-o", "json");
    expect(JSON.parse(listed.stdout)).toMatchObject([{ slug, reason: "case 2026-11" }]);
    expect((await tenantctl("show", slug)).stdout).toMatch(/legal hold +case 2026-11/);

    const refused = await tenantctl("delete", slug, "--hard", "--force", "--confirm", slug);
    expect(refused.code).toBe(7);
    expect(refused.stderr).toMatch(
      new RegExp(`^error: [^\\n]*case 2026-11[^\\n]*\\nnext: [^\\n]*hold release ${slug}`),
    );

    const unasked = await tenantctl("hold", "release", slug);
    expect(unasked.code).toBe(2);
    expect((await tenantctl("hold", "release", slug, "--yes")).code).toBe(0);
    expect((await tenantctl("hold", "release", slug, "--yes")).code).toBe(6);
    expect((await tenantctl("hold", "list", "-o", "json")).stdout.trim()).toBe("[]");
  });
});

describe("the certificate of a hard delete", () => {
  const removed = async () => {
    const { slug } = await server.provision();
    const { stderr, code } = await tenantctl("delete", slug, "--hard", "--force", "--confirm", slug);
    expect(code, stderr).toBe(0);
    const [, id = ""] = stderr.match(/tenantctl operations certificate (\S+)/) ?? [];
    return { slug, id };
  };

  it("is JSON in a pipe and in a file, a table on a terminal", async () => {
    const { slug, id } = await removed();
    const piped = await tenantctl("operations", "certificate", id);
    expect(piped, piped.stderr).toMatchObject({ code: 0 });
    const { digest, ...rest } = JSON.parse(piped.stdout);
    expect(rest).toMatchObject({
      slug,
      operationId: id,
      removed: { users: 1 },
      scan: { users: { before: 1, after: 0 } },
    });
    expect(createHash("sha256").update(canonicalJson(rest)).digest("hex")).toBe(digest);

    const written = await tenantctl("operations", "certificate", id, "-f", "removed.json");
    expect(written).toMatchObject({ code: 0, stdout: "" });
    expect(readFileSync(join(dir, "removed.json"), "utf8")).toBe(piped.stdout);

    const screen = startInPty(process.execPath, [bin, "operations", "certificate", id], {
      env,
      columns: 100,
      rows: 60,
    });
    const { code, stdout } = await screen.exit;
    expect(code).toBe(0);
    expect(plain(stdout)).toMatch(/TABLE +BEFORE +REMOVED +AFTER/);
    expect(plain(stdout)).toMatch(/users +1 +1 +0/);
    expect(plain(stdout)).toContain(digest);
    expect(plain(stdout)).toContain("none were reported");
  });

  it("says when each backup expires; once that has passed, prune removes the purged tenant's data and no living one's", async () => {
    const [{ slug, id: tenantId }, neighbour] = [await server.provision(), await server.provision()];
    const both = ["--tenant", slug, "--tenant", neighbour.slug];
    for (const flags of [["--expires-after", "1s"], []]) {
      const { code, stderr } = await tenantctl("backup", "--repo", "repo", ...both, ...flags);
      expect(code, stderr).toBe(0);
    }
    const runs = readdirSync(join(dir, "repo")).filter((name) => !name.startsWith("."));
    const [expiring = "", unlimited = ""] = runs.sort();
    const { expiresAt } = JSON.parse(readFileSync(join(dir, "repo", expiring, "run.json"), "utf8"));
    const deleted = await tenantctl("delete", slug, "--hard", "--force", "--confirm", slug);
    expect(deleted.code, deleted.stderr).toBe(0);
    const [, id = ""] = deleted.stderr.match(/tenantctl operations certificate (\S+)/) ?? [];
    const certificate = async () => (await tenantctl("operations", "certificate", id)).stdout;
    const issued = await certificate();
    expect(JSON.parse(issued).backups).toMatchObject([
      { runId: unlimited, expiresAt: null },
      { runId: expiring, expiresAt },
    ]);
    const screen = startInPty(process.execPath, [bin, "operations", "certificate", id], {
      env,
      columns: 160,
      rows: 60,
    });
    const { stdout: shown } = await screen.exit;
    expect(plain(shown)).toContain(expiresAt.slice(0, 19).replace("T", " "));
    expect(plain(shown)).toContain("no expiry: kept until it is pruned");

    const holding = async () =>
      JSON.parse((await tenantctl("backup", "runs", tenantId, "--holding", "-o", "json")).stdout).map(
        ({ runId }: { runId: string }) => runId,
      );
    expect(await holding()).toEqual([unlimited, expiring]);
    await until("the backup expires", () => Date.now() > Date.parse(expiresAt));
    await tenantctl("hold", "set", tenantId, "--reason", "case");
    expect((await tenantctl("backup", "prune", "--repo", "repo", "--expired")).code).toBe(0);
    expect(await holding()).toEqual([unlimited, expiring]);
    await tenantctl("hold", "release", tenantId, "--yes");
    expect((await tenantctl("backup", "prune", "--repo", "repo", "--expired")).code).toBe(0);
    expect(await holding()).toEqual([unlimited]);
    expect(existsSync(join(dir, "repo", expiring))).toBe(false);
    expect(readdirSync(join(dir, "repo", unlimited)).sort()).toEqual(
      ["run.json", "system.tar", `${neighbour.slug}.tar`, `${slug}.tar`].sort(),
    );
    // It says what was so when the data was removed.
    expect(await certificate()).toBe(issued);
  });

  it("that was altered is exit 10, one that is not there 7 or 6", async () => {
    const { id } = await removed();
    await server.asOwner("update app.operations set result = jsonb_set(result, '{removed,users}', '0') where id = $1", [
      id,
    ]);
    const altered = await tenantctl("operations", "certificate", id, "-f", "altered.json");
    expect(altered.code).toBe(10);
    expect(altered.stderr).toContain("does not match its digest");
    expect(existsSync(join(dir, "altered.json"))).toBe(false);
    await server.asOwner("update app.operations set status = 'running', result = null where id = $1", [id]);
    const early = await tenantctl("operations", "certificate", id);
    expect([early.code, early.stderr]).toEqual([7, expect.stringContaining("still under way")]);
    await server.asOwner("update app.operations set status = 'cancelled' where id = $1", [id]);
    const absent = await tenantctl("operations", "certificate", "01890000-0000-7000-8000-00000000dead");
    expect(absent.code).toBe(6);
  });
});

it("show and status say when backups were made, verified and drilled", async () => {
  const { id, slug } = await server.provision();
  expect((await tenantctl("show", slug)).stdout).toMatch(/last backup +never\n/);
  const startedAt = new Date(Date.now() - 60_000).toISOString();
  for (const kind of ["backup", "verify"]) {
    const body = {
      runId: "cli-1",
      kind,
      repository: "/backups",
      host: "h",
      startedAt,
      finishedAt: startedAt,
      exitCode: 0,
      items: [{ tenantId: id, outcome: "ok", snapshotAt: startedAt, bytes: 2_500_000 }],
    };
    const token = await server.operatorToken();
    expect((await server.request("POST", "/api/admin/backups/runs", { token, body })).status).toBe(200);
  }
  const time = startedAt.slice(0, 19).replace("T", " ");
  const { stdout } = await tenantctl("show", slug);
  expect(stdout).toMatch(new RegExp(`last backup +${time} UTC`));
  expect(stdout).toMatch(/last backup size +2\.5 MB/);
  expect(stdout).toMatch(/last verified +\d{4}-/);
  expect(stdout).toMatch(/last drilled +never/);
  const status = await tenantctl("status");
  expect(status.stdout).toMatch(/backups +0 overdue, age \d+\w.*, verified \d+\w.*, drilled never/);
});

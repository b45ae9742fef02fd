import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type ProcessOptions, runCli, startCli, startProcess } from "../../database/test/harness/process.ts";
import { startInPty } from "../../database/test/harness/pty.ts";
import type { RunRecord } from "../src/backup/run-record.ts";
import { type ArchiveServer, archiveOf, idOf, refuse, startArchiveServer } from "./archive-server.ts";
import { apiToken } from "./fake-api.ts";

let home: string;
let repo: string;
let server: ArchiveServer | undefined;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "tenantctl-backup-"));
  repo = join(home, "repo");
});
afterEach(async () => {
  await server?.close();
  server = undefined;
  rmSync(home, { recursive: true, force: true });
});

const serve = async (slugs: readonly string[]): Promise<ArchiveServer> => {
  server = await startArchiveServer(slugs);
  return server;
};
const options = ({ url }: { url: string }): ProcessOptions => ({
  cwd: home,
  env: { HOME: home, TENANTCTL_TOKEN: apiToken, TENANTCTL_API_URL: url },
});
const backup = (target: { url: string }, ...flags: string[]) =>
  runCli(["backup", "--repo", repo, ...flags], options(target));

const runIds = (): string[] => readdirSync(repo).filter((name) => !name.startsWith("."));

/** The files of the only run. */
const files = (): string[] => {
  const [run = "", ...more] = runIds();
  expect(more).toEqual([]);
  return readdirSync(join(repo, run)).sort();
};
const content = (name: string): Buffer => readFileSync(join(repo, runIds()[0] ?? "", name));
const record = (): RunRecord => JSON.parse(content("run.json").toString("utf8"));
const outcomes = (): Record<string, string> =>
  Object.fromEntries(record().tenants.map(({ slug, outcome, error }) => [slug, error?.code ?? outcome]));

/** Of tenant t-0 to t-9. */
const wholes = await Promise.all(
  Array.from({ length: 10 }, (_, index) => archiveOf({ slug: `t-${index}`, id: idOf(index), rows: 500 })),
);
const whole = (index: number): Buffer => wholes[index] ?? Buffer.alloc(0);
const half = (index: number): Buffer => whole(index).subarray(0, whole(index).length / 2);
const flipped = (index: number): Buffer => {
  const copy = Buffer.from(whole(index));
  copy.writeUInt8(copy.readUInt8(copy.length - 5000) ^ 1, copy.length - 5000);
  return copy;
};

describe("a tenant whose archive does not come whole", () => {
  const faults: readonly [string, (index: number) => Parameters<ArchiveServer["on"]>[1], string][] = [
    [
      "cut in the middle",
      (index) => (response) => response.write(half(index), () => response.destroy()),
      "unreachable",
    ],
    [
      "shorter than its length says",
      (index) => (response) =>
        response.writeHead(200, { "content-length": whole(index).length }).write(half(index), () => response.destroy()),
      "unreachable",
    ],
    [
      "cut, with the length of what was left",
      (index) => (response) => response.writeHead(200, { "content-length": half(index).length }).end(half(index)),
      "unreachable",
    ],
    [
      "cut by something that ends the connection in order",
      (index) => (response) => {
        response.useChunkedEncodingByDefault = false;
        response.writeHead(200, { connection: "close" }).end(half(index));
      },
      "unreachable",
    ],
    ["empty", () => (response) => response.writeHead(200).end(), "unreachable"],
    ["something else", () => (response) => response.writeHead(200).end("<html>Welcome</html>"), "unreachable"],
    ["with one bit flipped", (index) => (response) => response.writeHead(200).end(flipped(index)), "unreachable"],
    [
      "followed by another",
      (index) => (response) => response.writeHead(200).end(Buffer.concat([whole(index), whole(index)])),
      "unreachable",
    ],
    ["of another tenant", () => (response) => response.writeHead(200).end(whole(0)), "wrong_tenant"],
    ["refused for an inner fault", () => refuse("internal"), "internal"],
  ];

  it("is named with its reason and leaves no file, and the others are saved", async () => {
    const slugs = faults.map((_, index) => `t-${index}`);
    const target = await serve([...slugs, "whole"]);
    for (const [index, [, answer]] of faults.entries()) target.on(`t-${index}`, answer(index));
    const { code, stdout, stderr } = await backup(target, "--concurrency", "11");
    expect(code).toBe(3);
    expect(files()).toEqual(["run.json", "system.tar", "whole.tar"]);
    const found = outcomes();
    const tried = Object.fromEntries(target.attempts);
    expect(found.whole).toBe("saved");
    for (const [index, [fault, , reason]] of faults.entries()) {
      expect([fault, found[`t-${index}`]]).toEqual([fault, reason]);
      expect([fault, tried[`t-${index}`]]).toEqual([fault, reason === "unreachable" ? 3 : 1]);
      expect(stderr).toMatch(new RegExp(`^failed: t-${index}: `, "m"));
    }
    expect(stdout).toMatch(/^backed up 1 of 11 tenants, .*; failed: t-0 \(unreachable\), .* and 5 more\n$/);
  });

  it("breaks a transfer off in which no byte comes", async () => {
    const target = await serve(["acme", "globex", "initech"]);
    target.on("acme", (response) => response.writeHead(200).write(half(0)));
    target.on("globex", () => undefined);
    const { code, stdout } = await backup(target, "--stall-timeout", "1s");
    expect(code).toBe(3);
    expect(stdout).toContain("failed: acme (timeout), globex (timeout)");
    expect(files()).toEqual(["initech.tar", "run.json", "system.tar"]);
  });

  it("tries again what may pass, as long after as the API asks", async () => {
    const target = await serve(["acme", "globex"]);
    const answer = await archiveOf({ slug: "acme", id: idOf(0) });
    const other = await archiveOf({ slug: "globex", id: idOf(1) });
    target.on("acme", (response, attempt, request) =>
      attempt === 1
        ? refuse("tenant_busy", { "retry-after": "1" })(response, attempt, request)
        : response.writeHead(200).end(answer),
    );
    target.on("globex", (response, attempt) => (attempt < 3 ? response.destroy() : response.writeHead(200).end(other)));
    const { code, stderr } = await backup(target);
    expect(stderr).toContain("acme: trying again: This is tenant_busy.");
    expect(code).toBe(0);
    expect(content("acme.tar").equals(answer)).toBe(true);
    expect(record().tenants.map(({ attempts }) => attempts)).toEqual([2, 3]);
  });
});

describe("a tenant that is not found", () => {
  it("is gone, and no failure, when it was deleted for good since the run began", async () => {
    const target = await serve(["acme", "globex"]);
    target.on("acme", refuse("tenant_not_found"));
    target.missing.add("acme");
    const { code, stdout, stderr } = await backup(target);
    expect(code).toBe(0);
    expect(stderr).toContain("acme: deleted for good since the run began");
    expect(stdout).toMatch(/^backed up 1 tenant, .*; 1 gone\n$/);
    expect(outcomes()).toEqual({ acme: "gone", globex: "saved" });
  });

  it("has failed when the API still knows it", async () => {
    const target = await serve(["acme", "globex"]);
    target.on("acme", refuse("tenant_not_found"));
    expect((await backup(target)).code).toBe(3);
    expect(outcomes()).toEqual({ acme: "tenant_not_found", globex: "saved" });
  });
});

describe("a run that cannot go on", () => {
  it("ends with exit 4 and leaves nothing when the token may list and not export", async () => {
    const slugs = Array.from({ length: 50 }, (_, index) => `t-${index}`);
    const target = await serve(slugs);
    for (const slug of [...slugs, "system"]) target.on(slug, refuse("scope_missing"));
    const { code, stderr } = await backup(target);
    expect(code).toBe(4);
    expect(stderr).toContain("error: This is scope_missing.");
    expect(readdirSync(repo)).toEqual([]);
    expect(target.holder()).toBeUndefined();
    expect(target.attempts.size).toBeLessThan(10);
  });

  it("does not try every tenant of an API that has gone away", async () => {
    const slugs = Array.from({ length: 200 }, (_, index) => `t-${String(index).padStart(3, "0")}`);
    const target = await serve(slugs);
    for (const slug of ["system", ...slugs.slice(5)]) target.on(slug, (response) => response.destroy());
    const { code, stderr } = await backup(target, "--concurrency", "8");
    expect(code).toBe(3);
    expect(target.attempts.size).toBeLessThan(60);
    const { saved, failed, tenants } = record();
    expect([saved, failed, tenants.length]).toEqual([5, 195, 200]);
    expect(tenants.at(-1)?.error).toEqual({
      code: "not_tried",
      detail: expect.stringMatching(/^not tried: the API did not answer for \d+ tenants in a row$/),
    });
    expect(stderr).not.toContain("not tried");
  });

  it("keeps what it has when the API is killed midway, and names what is missing", async () => {
    const target = await serve(["acme", "globex", "initech"]);
    const begun = await archiveOf({ slug: "globex", id: idOf(1), rows: 500 });
    target.on("globex", (response) => response.writeHead(200).write(begun.subarray(0, 4000)));
    const run = startCli(["backup", "--repo", repo], options(target));
    for (const name of ["acme", "initech", "system"]) await run.waitFor(new RegExp(`${name}: saved`));
    await target.close();
    const { code, stderr } = await run.exit;
    expect(code).toBe(3);
    expect(stderr).toMatch(/the API was not told of this backup run: .* does not answer/);
    expect(files()).toEqual(["acme.tar", "initech.tar", "run.json", "system.tar"]);
    expect(outcomes()).toEqual({ acme: "saved", globex: "unreachable", initech: "saved" });
    expect((await runCli(["backup", "verify", "--repo", repo], { cwd: home, env: { HOME: home } })).code).toBe(0);
  });

  it("tells the API of the run again where that did not answer at first", async () => {
    const target = await serve(["acme"]);
    let told = 0;
    target.onCall("POST /api/admin/backups/runs", (response, body) => {
      told += 1;
      if (told === 1) response.writeHead(503).end("<h1>Restarting</h1>");
      else response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body));
    });
    const { code, stderr } = await backup(target);
    expect([code, told]).toEqual([0, 2]);
    expect(stderr).not.toContain("was not told");
  });

  it("gives exit 9 when the list breaks off, and 4 without a token", async () => {
    const target = await serve(["acme"]);
    await target.close();
    const away = await backup(target);
    expect(away.code).toBe(9);
    expect(away.stderr).toMatch(/error: .* does not answer/);
    const { code } = await runCli(["backup", "--repo", repo], { cwd: home, env: { HOME: home } });
    expect(code).toBe(4);
    expect(existsSync(repo) ? readdirSync(repo) : []).toEqual([]);
  });
});

describe("a signal", () => {
  const begin = async (signal: NodeJS.Signals) => {
    const target = await serve(["acme", "globex", "initech"]);
    const begun = await archiveOf({ slug: "globex", id: idOf(1), rows: 500 });
    target.on("globex", (response) => response.writeHead(200).write(begun.subarray(0, 4000)));
    const run = startCli(["backup", "--repo", repo], options(target));
    await run.waitFor(/acme: saved/);
    await run.waitFor(/initech: saved/);
    await run.waitFor(/system: saved/);
    expect(target.holder()).toMatch(/ pid \d+ /);
    run.kill(signal);
    return run.exit;
  };

  it.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)(
    "%s keeps whole files, removes the one begun, and says that the run is unfinished",
    async (signal, exit) => {
      const { code, stderr } = await begin(signal);
      expect(code).toBe(exit);
      expect(files().filter((name) => !name.startsWith("."))).toEqual(["acme.tar", "initech.tar", "system.tar"]);
      expect(files().filter((name) => name.endsWith(".tmp"))).toEqual([]);
      expect(stderr).toMatch(/cut short: 2 of 3 tenants are in .*, an unfinished run; --resume goes on with it\n$/);
      expect(server?.holder()).toBeUndefined();
      expect(readdirSync(repo).filter((name) => name.startsWith("."))).toEqual([]);
    },
  );

  it("SIGKILL leaves no file under its own name that is not whole", async () => {
    expect((await begin("SIGKILL")).signal).toBe("SIGKILL");
    const left = files();
    expect(left.filter((name) => !name.startsWith("."))).toEqual(["acme.tar", "initech.tar", "system.tar"]);
    expect(content("acme.tar").equals(await archiveOf({ slug: "acme", id: idOf(0) }))).toBe(true);
  });
});

describe("output that nobody takes", () => {
  const bin = fileURLToPath(new URL("../bin/tenantctl.js", import.meta.url));
  // The first command's own exit code, which a pipe would hide.
  const shell = async (target: { url: string }, rest: string): Promise<string> => {
    const script = `"${process.execPath}" "${bin}" backup --repo "${repo}" ${rest}; echo "\${PIPESTATUS[0]}"`;
    return (await startProcess("bash", ["-c", script], options(target)).exit).stdout.trimEnd().split("\n").at(-1) ?? "";
  };

  it.each(["| true", "2>&1 | true", ">&- 2>&-", "2> /dev/full", "2>&1 >/dev/null | head -1 >/dev/null"])(
    "(%s) ends no backup: all is stored, and the exit code says how it went",
    async (rest) => {
      const target = await serve(["acme", "globex"]);
      expect(await shell(target, rest)).toBe("0");
      expect(files()).toEqual(["acme.tar", "globex.tar", "run.json", "system.tar"]);
      expect(target.holder()).toBeUndefined();
      rmSync(repo, { recursive: true });
      target.on("acme", refuse("internal"));
      expect(await shell(target, rest)).toBe("3");
      expect(files()).toEqual(["globex.tar", "run.json", "system.tar"]);
    },
  );

  it("(a full disk) is exit 1, and all is stored and reported", async () => {
    const target = await serve(["acme", "globex"]);
    expect(await shell(target, "-o json > /dev/full")).toBe("1");
    expect(files()).toEqual(["acme.tar", "globex.tar", "run.json", "system.tar"]);
    expect(target.calls.get("POST /api/admin/backups/runs")).toHaveLength(1);
  });

  it("(a terminal that was closed) leaves no lock, no lease and no half a file, and does not crash", async () => {
    const target = await serve(["acme", "globex"]);
    const begun = await archiveOf({ slug: "globex", id: idOf(1), rows: 500 });
    target.on("globex", (response) => response.writeHead(200).write(begun.subarray(0, 4000)));
    // As an interactive shell does: what the terminal tells it, it tells its jobs.
    const command = [
      `"${process.execPath}" "${bin}" backup --repo "${repo}" & job=$!`,
      `trap 'kill -HUP $job' HUP; wait $job; wait $job`,
      `echo $? > "${home}/exit.part"; mv "${home}/exit.part" "${home}/exit"`,
    ].join("; ");
    const terminal = startInPty("/bin/sh", ["-c", command], options(target));
    await terminal.waitFor(/2\/3/);
    terminal.kill("SIGKILL");
    await expect.poll(() => existsSync(join(home, "exit")), { timeout: 60_000 }).toBe(true);
    expect(readFileSync(join(home, "exit"), "utf8")).toBe("129\n");
    expect(files()).toEqual([".journal.jsonl", "acme.tar", "system.tar"]);
    expect(readdirSync(repo).filter((name) => name.startsWith("."))).toEqual([]);
    expect(target.holder()).toBeUndefined();
  });
});

describe("what a server calls its tenants", () => {
  it("never leads out of the folder", async () => {
    const target = await serve(["../evil", "a/b", ".hidden", "acme", ""]);
    const { code } = await backup(target);
    expect(code).toBe(3);
    expect(files()).toEqual(["acme.tar", "run.json", "system.tar"]);
    expect(readdirSync(home).sort()).toEqual(["repo"]);
    expect(outcomes()).toMatchObject({ "../evil": "unsafe_name", "a/b": "unsafe_name", acme: "saved" });
  });

  it("never meets the run's own files", async () => {
    const target = await serve(["run", "system"]);
    expect((await backup(target)).code).toBe(0);
    expect(files()).toEqual(["_system.tar", "run.json", "run.tar", "system.tar"]);
    expect(record().tenants.map(({ slug, file }) => [slug, file])).toEqual([
      ["run", "run.tar"],
      ["system", "_system.tar"],
    ]);
  });
});

it("backs up 1,000 tenants with no more at once than it was told", async () => {
  const target = await serve(Array.from({ length: 1000 }, (_, index) => `tenant-${index}`));
  const { code, stdout, stderr } = await backup(target, "--concurrency", "6");
  expect(stdout).toMatch(/^backed up 1000 tenants, /);
  expect(code).toBe(0);
  expect(files()).toHaveLength(1002);
  expect(target.mostAtOnce()).toBeLessThanOrEqual(6);
  expect(stderr.split("\n").filter((line) => / of 1001 files/.test(line))).toHaveLength(9);
});

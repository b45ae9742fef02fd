import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type ProcessOptions, runCli, startCli } from "../../database/test/harness/process.ts";
import type { RunRecord } from "../src/backup/run-record.ts";
import { documentOf, type ExportServer, idOf, refuse, startExportServer } from "./export-server.ts";
import { apiToken } from "./fake-api.ts";

let home: string;
let repo: string;
let server: ExportServer | undefined;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "tenantctl-backup-"));
  repo = join(home, "repo");
});
afterEach(async () => {
  await server?.close();
  server = undefined;
  rmSync(home, { recursive: true, force: true });
});

const serve = async (slugs: readonly string[]): Promise<ExportServer> => {
  server = await startExportServer(slugs);
  return server;
};
const options = ({ url }: { url: string }): ProcessOptions => ({
  cwd: home,
  env: { HOME: home, TENANTCTL_TOKEN: apiToken, TENANTCTL_API_URL: url },
});
const backup = (target: { url: string }, ...flags: string[]) =>
  runCli(["backup", "--repo", repo, ...flags], options(target));

/** The files of the only run. */
const files = (): string[] => {
  const [run = "", ...more] = readdirSync(repo);
  expect(more).toEqual([]);
  return readdirSync(join(repo, run)).sort();
};
const text = (name: string): string => readFileSync(join(repo, readdirSync(repo)[0] ?? "", name), "utf8");
const record = (): RunRecord => JSON.parse(text("run.json"));
const outcomes = (): Record<string, string> =>
  Object.fromEntries(record().tenants.map(({ slug, outcome, error }) => [slug, error?.code ?? outcome]));

const whole = (index: number): string => documentOf(`t-${index}`, idOf(index), 500);
const half = (index: number): string => whole(index).slice(0, whole(index).length / 2);

describe("a tenant whose export does not come whole", () => {
  const faults: readonly [string, (index: number) => Parameters<ExportServer["on"]>[1], string][] = [
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
    [
      "without some of its rows",
      (index) => (response) => response.writeHead(200).end(whole(index).replace('"customers":500', '"customers":501')),
      "unreachable",
    ],
    [
      "followed by another",
      (index) => (response) => response.writeHead(200).end(whole(index) + whole(index)),
      "unreachable",
    ],
    ["of another tenant", () => (response) => response.writeHead(200).end(documentOf("x", idOf(99))), "wrong_tenant"],
    ["refused for an inner fault", () => refuse("internal"), "internal"],
  ];

  it("is named with its reason and leaves no file, and the others are saved", async () => {
    const slugs = faults.map((_, index) => `t-${index}`);
    const target = await serve([...slugs, "whole"]);
    for (const [index, [, answer]] of faults.entries()) target.on(`t-${index}`, answer(index));
    const { code, stdout, stderr } = await backup(target, "--concurrency", "11");
    expect(code).toBe(3);
    expect(files()).toEqual(["run.json", "whole.json"]);
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
    expect(files()).toEqual(["initech.json", "run.json"]);
  });

  it("tries again what may pass, as long after as the API asks", async () => {
    const target = await serve(["acme", "globex"]);
    const answer = documentOf("acme", idOf(0));
    target.on("acme", (response, attempt, request) =>
      attempt === 1
        ? refuse("tenant_busy", { "retry-after": "1" })(response, attempt, request)
        : response.writeHead(200).end(answer),
    );
    target.on("globex", (response, attempt) =>
      attempt < 3 ? response.destroy() : response.writeHead(200).end(documentOf("globex", idOf(1))),
    );
    const { code, stderr } = await backup(target);
    expect(stderr).toContain("acme: trying again: This is tenant_busy.");
    expect(code).toBe(0);
    expect(text("acme.json")).toBe(answer);
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
    for (const slug of slugs) target.on(slug, refuse("scope_missing"));
    const { code, stderr } = await backup(target);
    expect(code).toBe(4);
    expect(stderr).toContain("error: This is scope_missing.");
    expect(readdirSync(repo)).toEqual([]);
    expect(target.attempts.size).toBeLessThan(10);
  });

  it("does not try every tenant of an API that has gone away", async () => {
    const slugs = Array.from({ length: 200 }, (_, index) => `t-${String(index).padStart(3, "0")}`);
    const target = await serve(slugs);
    for (const slug of slugs.slice(5)) target.on(slug, (response) => response.destroy());
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

  it("gives exit 9 when the list breaks off, and 4 without a token", async () => {
    const target = await serve(["acme"]);
    await target.close();
    const away = await backup(target);
    expect(away.code).toBe(9);
    expect(away.stderr).toMatch(/error: .* does not answer/);
    const { code } = await runCli(["backup", "--repo", repo], { cwd: home, env: { HOME: home } });
    expect(code).toBe(4);
    expect(readdirSync(home)).not.toContain("repo");
  });
});

describe("a signal", () => {
  const begin = async (signal: NodeJS.Signals) => {
    const target = await serve(["acme", "globex", "initech"]);
    target.on("globex", (response) => response.writeHead(200).write(documentOf("globex", idOf(1), 500).slice(0, 9000)));
    const run = startCli(["backup", "--repo", repo], options(target));
    await run.waitFor(/acme: saved/);
    await run.waitFor(/initech: saved/);
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
      expect(files()).toEqual(["acme.json", "initech.json"]);
      expect(stderr).toMatch(/cut short: 2 of 3 tenants are in .*, an unfinished run\n$/);
    },
  );

  it("SIGKILL leaves no file under its own name that is not whole", async () => {
    expect((await begin("SIGKILL")).signal).toBe("SIGKILL");
    const left = files();
    expect(left.filter((name) => !name.startsWith("."))).toEqual(["acme.json", "initech.json"]);
    expect(text("acme.json")).toBe(documentOf("acme", idOf(0)));
  });
});

describe("what a server calls its tenants", () => {
  it("never leads out of the folder", async () => {
    const target = await serve(["../evil", "a/b", ".hidden", "acme", ""]);
    const { code } = await backup(target);
    expect(code).toBe(3);
    expect(files()).toEqual(["acme.json", "run.json"]);
    expect(readdirSync(home).sort()).toEqual(["repo"]);
    expect(outcomes()).toMatchObject({ "../evil": "unsafe_name", "a/b": "unsafe_name", acme: "saved" });
  });

  it("never meets the run's own record", async () => {
    const target = await serve(["run", "acme"]);
    expect((await backup(target)).code).toBe(0);
    expect(files()).toEqual(["_run.json", "acme.json", "run.json"]);
    expect(record().tenants.find(({ slug }) => slug === "run")?.file).toBe("_run.json");
  });
});

it("backs up 1,000 tenants with no more at once than it was told", async () => {
  const target = await serve(Array.from({ length: 1000 }, (_, index) => `tenant-${index}`));
  const { code, stdout, stderr } = await backup(target, "--concurrency", "6");
  expect(stdout).toMatch(/^backed up 1000 tenants, /);
  expect(code).toBe(0);
  expect(files()).toHaveLength(1001);
  expect(target.mostAtOnce()).toBeLessThanOrEqual(6);
  expect(stderr.split("\n").filter((line) => / of 1000 tenants/.test(line))).toHaveLength(10);
});

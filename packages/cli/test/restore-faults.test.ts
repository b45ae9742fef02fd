import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { generateKey, stateDigest } from "@tenantctl/archive";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { runCli } from "../../database/test/harness/process.ts";
import { idOf } from "./archive-server.ts";
import { apiToken } from "./fake-api.ts";
import { operation, operationId, proofOf, type RestoreServer, startRestoreServer } from "./restore-server.ts";
import { storeRun } from "./stored-run.ts";

const acme = { slug: "acme", id: idOf(1) };
const first = "20260101T000000Z-aaaa";
const second = "20260102T000000Z-bbbb";
const third = "20260103T000000Z-cccc";

let home: string;
let repo: string;
let api: RestoreServer;
beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), "tenantctl-restore-"));
  repo = join(home, "repo");
  api = await startRestoreServer({ acme: acme.id });
});
afterEach(async () => {
  await api.close();
  rmSync(home, { recursive: true, force: true });
});

const run = (...args: string[]) =>
  runCli(args, { cwd: home, env: { HOME: home, TENANTCTL_API_URL: api.url, TENANTCTL_TOKEN: apiToken } });
const restore = (...args: string[]) => run("restore", "--repo", repo, ...args);
const runIds = (): string[] => readdirSync(repo).filter((name) => !name.startsWith("."));

describe("which backup is taken", () => {
  it("the newest finished run that holds the tenant; what is no backup is named", async () => {
    await storeRun(repo, { run: first, tenants: [{ ...acme, rows: 1 }] });
    await storeRun(repo, { run: second, tenants: [{ ...acme, rows: 2, at: "2026-01-02T00:00:00.000Z" }] });
    await storeRun(repo, { run: third, tenants: [{ ...acme, rows: 3 }], finished: false });
    const { code, stdout, stderr } = await restore("acme", "--as-new", "acme-copy");
    expect(stderr).toMatch(
      new RegExp(
        `^${third} is not a backup: .*\nacme as of 2026-01-02T00:00:00.000Z \\(.* ago\\), from run ${second} of backup1\nverified: `,
      ),
    );
    expect(stderr).toMatch(
      /restored acme-copy: 2 rows in 2 tables, each table equal .*tenantctl reactivate acme-copy\n$/,
    );
    expect(stdout).toMatch(/^TABLE +ROWS +EQUAL +DIGEST\nshop.customers +2 +yes +[0-9a-f]{64}\nshop.orders +0 +yes /);
    expect(code).toBe(0);
    expect(api.uploads.map(({ query }) => query)).toEqual([{ mode: "new", slug: "acme-copy" }]);
  });

  it("the run that is named, and no unfinished one", async () => {
    await storeRun(repo, { run: first, tenants: [{ ...acme, rows: 1 }] });
    await storeRun(repo, { run: second, tenants: [{ ...acme, rows: 2, at: "2026-01-02T00:00:00.000Z" }] });
    await storeRun(repo, { run: third, tenants: [acme], finished: false });
    expect((await restore("acme", "--as-new", "acme-copy", "--run", first)).code).toBe(0);
    expect(api.uploads[0]?.manifest.tables[0]?.rows).toBe(1);
    const unfinished = await restore("acme", "--as-new", "acme-copy", "--run", third);
    expect([unfinished.code, unfinished.stderr]).toEqual([10, expect.stringContaining("is not a backup")]);
    const { code, stderr } = await restore("globex", "--as-new", "globex-copy");
    expect([code, stderr]).toEqual([6, expect.stringContaining("holds a backup of globex")]);
    const file = await restore("runs/acme.tar", "--as-new", "acme-copy");
    expect([file.code, file.stderr]).toEqual([2, expect.stringContaining("restore --file runs/acme.tar --as-new")]);
  });

  it("that of the tenant that has the slug now, not of one that had it before", async () => {
    await storeRun(repo, { run: first, tenants: [{ slug: "acme", id: idOf(9), at: "2026-01-05T00:00:00.000Z" }] });
    await storeRun(repo, { run: second, tenants: [acme] });
    await restore("acme", "--as-new", "acme-copy");
    expect(api.uploads[0]?.manifest.tenant?.id).toBe(acme.id);
    api.tenants.clear();
    const { code, stderr } = await restore("acme", "--original");
    expect(code).toBe(7);
    expect(stderr).toContain("2 tenants have been called acme");
    expect((await restore(acme.id, "--original")).code).toBe(0);
    expect(api.uploads[1]).toMatchObject({ query: { mode: "original" }, manifest: { tenant: { id: acme.id } } });
  });
});

describe("a backup that is not whole", () => {
  it.each([
    [
      "a bit flipped",
      (path: string) => {
        const bytes = readFileSync(path);
        bytes.writeUInt8(bytes.readUInt8(2000) ^ 1, 2000);
        writeFileSync(path, bytes);
      },
    ],
    ["cut", (path: string) => truncateSync(path, 3000)],
  ])("(%s) is refused before anything is sent, and the next older one named", async (_, damage) => {
    await storeRun(repo, { run: first, tenants: [acme] });
    const paths = await storeRun(repo, { run: second, tenants: [{ ...acme, at: "2026-01-02T00:00:00.000Z" }] });
    damage(paths.get("acme") ?? "");
    const { code, stderr } = await restore("acme", "--as-new", "acme-copy");
    expect(code).toBe(10);
    expect(stderr).toContain(`next: The next older one: --run ${first}.`);
    expect(api.uploads).toEqual([]);
  });

  it("(another tenant's in its place) is refused", async () => {
    const paths = await storeRun(repo, { run: first, tenants: [acme, { slug: "globex", id: idOf(2) }] });
    writeFileSync(paths.get("acme") ?? "", readFileSync(paths.get("globex") ?? ""));
    const { code, stderr } = await restore("acme", "--as-new", "acme-copy");
    expect([code, stderr]).toEqual([10, expect.stringContaining("is not the file that the run stored")]);
    const file = await run("restore", "acme", "--file", paths.get("globex") ?? "", "--as-new", "acme-copy");
    expect([file.code, file.stderr]).toEqual([2, expect.stringContaining("not acme's")]);
    expect(api.uploads).toEqual([]);
  });

  it("(encrypted) needs its key, and a wrong one is told from damage", async () => {
    const [own, other] = [await generateKey(), await generateKey()];
    await storeRun(repo, { run: first, tenants: [acme], recipients: [own.recipient] });
    const keyFile = (identity: string): string => {
      writeFileSync(join(home, "key"), `# a key\n${identity}\n`, { mode: 0o600 });
      return join(home, "key");
    };
    const keyless = await restore("acme", "--as-new", "acme-copy");
    expect([keyless.code, keyless.stderr]).toEqual([2, expect.stringContaining("--identity-file")]);
    const wrong = await restore("acme", "--as-new", "acme-copy", "--identity-file", keyFile(other.identity));
    expect([wrong.code, wrong.stderr]).toEqual([7, expect.stringMatching(/key given does not open/)]);
    const right = await restore("acme", "--as-new", "acme-copy", "--identity-file", keyFile(own.identity));
    expect(right.code).toBe(0);
    expect(api.uploads).toHaveLength(1);
    expect(`${wrong.stderr}${right.stderr}`).not.toContain("AGE-SECRET-KEY");
  });
});

describe("in place", () => {
  beforeEach(() => storeRun(repo, { run: first, tenants: [acme] }));

  it("backs the present state up, reads it back, and lets that very state be replaced", async () => {
    const { code, stderr } = await restore("acme", "--in-place", "--confirm", "acme");
    expect(code).toBe(0);
    const [, saved = ""] = runIds();
    expect(stderr).toContain(`the present state is in run ${saved}, read back and whole`);
    const record = JSON.parse(readFileSync(join(repo, saved, "run.json"), "utf8"));
    expect(record.tenants).toMatchObject([{ slug: "acme", outcome: "saved", rows: { "shop.customers": 7 } }]);
    const [upload] = api.uploads;
    expect(upload?.query).toMatchObject({ mode: "in-place", tenant: acme.id, confirm: "acme" });
    expect(upload?.query.present).toMatch(/^[0-9a-f]{64}$/);
    // The state that was saved, and not the one that is restored.
    expect(upload?.query.present).not.toBe(stateDigest(upload?.manifest.tables ?? []));
    expect(stderr).toMatch(new RegExp(`What it replaced is in run ${saved}`));
  });

  it("backs up again when somebody wrote meanwhile, and gives up where that goes on", async () => {
    api.on((_, count) => (count === 1 ? "edit_conflict" : undefined));
    expect((await restore("acme", "--in-place", "--confirm", "acme")).code).toBe(0);
    expect(runIds()).toHaveLength(3);
    api.on(() => "edit_conflict");
    const { code, stderr } = await restore("acme", "--in-place", "--confirm", "acme");
    expect(code).toBe(7);
    expect(stderr).toContain("next: Keep its users out first: tenantctl suspend acme.");
  });

  it.each([
    [["--in-place"], /confirmation is missing: this replaces all data of acme/],
    [["--in-place", "--yes"], /--yes is not enough/],
    [["--in-place", "--confirm", "globex"], /this is acme/],
  ])("%j is refused before anything is changed", async (flags, said) => {
    const { code, stderr } = await restore("acme", ...flags);
    expect(code).toBe(2);
    expect(stderr).toMatch(said);
    expect(api.uploads).toEqual([]);
    expect(runIds()).toEqual([first]);
  });

  it("--diff and --dry-run only look", async () => {
    for (const flags of [["--diff"], ["--in-place", "--dry-run"]]) {
      const { code, stdout } = await restore("acme", ...flags);
      expect(code).toBe(0);
      expect(stdout).toMatch(/^TABLE +ADDED +REMOVED +CHANGED +SAME\nshop.customers +3 +0 +0 +1\n/);
    }
    expect(api.uploads.map(({ query }) => query.dryRun)).toEqual(["true", "true"]);
    expect(runIds()).toEqual([first]);
  });

  it("is not for a tenant that is gone", async () => {
    api.tenants.clear();
    const { code, stderr } = await restore("acme", "--in-place", "--confirm", "acme");
    expect(code).toBe(6);
    expect(stderr).toContain("--original brings it back");
  });
});

describe("an API", () => {
  beforeEach(() => storeRun(repo, { run: first, tenants: [{ ...acme, rows: 20_000, size: 200 }] }));

  it("that takes its time is followed to the end", async () => {
    api.on(() => ({ status: 202, body: operation({ status: "running", result: null, finishedAt: null }) }));
    const plan = { "shop.customers": 20_000 };
    api.operations.push(operation({ status: "running", plan, progress: { "shop.customers": 5000 } }));
    api.operations.push(
      operation({ status: "failed", error: "the slug was taken meanwhile", errorCode: "slug_taken" }),
    );
    const { code, stderr } = await restore("acme", "--as-new", "acme-copy");
    expect(stderr).toContain("running: 5000 of 20000 rows");
    expect(stderr).toContain("error: the restore failed: the slug was taken meanwhile");
    expect(code).toBe(7);
    const { code: left, stderr: said } = await restore("acme", "--as-new", "acme-copy", "--no-wait");
    expect([left, said]).toEqual([
      0,
      expect.stringContaining(`still under way: tenantctl operations show ${operationId}`),
    ]);
  });

  it("that proves something else is not believed", async () => {
    api.on(({ manifest }) => {
      const proof = proofOf(manifest, "acme-copy");
      const tables = {
        ...(proof.tables as object),
        "shop.customers": { rows: 20_000, digest: "0".repeat(64), equal: true },
      };
      return { body: operation({ result: { ...proof, tables } }) };
    });
    const lie = await restore("acme", "--as-new", "acme-copy");
    expect([lie.code, lie.stderr]).toEqual([
      10,
      expect.stringContaining("is not what the archive holds: shop.customers"),
    ]);
    api.on(() => ({ body: operation({ result: null }) }));
    expect((await restore("acme", "--as-new", "acme-copy")).code).toBe(10);
  });

  it("that refuses before it has read the archive is understood", async () => {
    api.refuseUnread = "scope_missing";
    const { code, stderr } = await restore("acme", "--as-new", "acme-copy");
    expect([code, stderr]).toEqual([4, expect.stringContaining("This is scope_missing.")]);
  });

  it("is not sent an archive for a slug that is taken", async () => {
    const { code, stderr } = await restore("acme", "--as-new", "acme");
    expect([code, stderr]).toEqual([7, expect.stringContaining("There is a tenant acme already")]);
    expect(api.uploads).toEqual([]);
  });

  it("gives its operation as JSON", async () => {
    const { stdout } = await restore("acme", "--as-new", "acme-copy", "-o", "json");
    expect(JSON.parse(stdout)).toMatchObject({ id: operationId, result: { slug: "acme-copy" } });
  });
});

it.each([
  [["restore", "acme"], /say how to restore/],
  [["restore", "acme", "--as-new", "b", "--in-place"], /several ways/],
  [["restore", "--as-new", "b"], /missing: <tenant>/],
  [["restore", "acme", "--as-new", "b", "--confirm", "acme"], /--confirm goes with --in-place/],
  [["restore", "acme", "--as-new", "b", "--slug", "c"], /--slug goes with --original/],
  [["restore", "acme", "--file", "nowhere.tar", "--as-new", "b"], /there is no such file/],
  [["import", "nowhere.json", "--slug", "b"], /there is no such file/],
])("%j is a mistake, exit 2", async (args, said) => {
  const { code, stderr } = await run(...args);
  expect(code).toBe(2);
  expect(stderr).toMatch(said);
});

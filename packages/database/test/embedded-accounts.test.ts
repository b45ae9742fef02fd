import { execFileSync } from "node:child_process";
import {
  chownSync,
  cpSync,
  lstatSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  rmSync,
  statSync,
  unlinkSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { chooseAccount } from "../src/embedded/account.ts";
import { resolveInstallation } from "../src/embedded/installation.ts";
import { withClient } from "./harness/database.ts";
import { ready, refusal, startElsewhere, startHere, temporaryFolder } from "./harness/embedded-process.ts";

const asRoot = process.getuid?.() === 0;
const ownerOf = (pid: number) => statSync(`/proc/${pid}`).uid;
const idOf = (name: string) => Number(execFileSync("/usr/bin/id", ["-u", name], { encoding: "utf8" }));

/** An installation every user can run, wherever node_modules lies. */
const reachable = () => resolveInstallation(chooseAccount()).folder;

/** Follows the link that a relocation leaves, and removes what it leads to when the test ends. */
function relocated(dataDir: string): string {
  const target = realpathSync(readlinkSync(dataDir));
  onTestFinished(() => {
    const left = readdirSync(dirname(target)).filter((name) => name.startsWith(basename(target)));
    for (const name of left) rmSync(join(dirname(target), name), { recursive: true, force: true, maxRetries: 5 });
  });
  return target;
}

// Stepping down, or setting up another user's home, takes root; as an ordinary user embedded.test.ts is that user's test.
describe.runIf(asRoot && process.platform === "linux")("started by root", () => {
  it("runs PostgreSQL as another user", async () => {
    const cluster = await startHere(join(temporaryFolder(), "postgres"));
    expect(ownerOf(cluster.pid)).not.toBe(0);
  });

  it("in a home of mode 0700, keeps the data where PostgreSQL can go and leaves a link", async () => {
    const dataDir = join(temporaryFolder(0o700), "clone", ".tenantctl", "postgres");
    const first = await startHere(dataDir);
    expect(lstatSync(dataDir).isSymbolicLink()).toBe(true);
    const target = relocated(dataDir);
    expect(statSync(target).mode & 0o777).toBe(0o700);
    await withClient(first.url, (client) => client.query("create table note as select 1 as one"));
    await first.stop();
    const second = await startHere(dataDir);
    await withClient(second.url, (client) => client.query("select one from note"));
    expect(realpathSync(dataDir)).toBe(target);
  });

  it("begins anew where the link was removed, and keeps the old data aside", async () => {
    const dataDir = join(temporaryFolder(0o700), "postgres");
    const first = await startHere(dataDir);
    const target = relocated(dataDir);
    await withClient(first.url, (client) => client.query("create table note as select 1 as one"));
    await first.stop();
    unlinkSync(dataDir);
    const said: string[] = [];
    const second = await startHere(dataDir, { log: (line) => said.push(line) });
    await expect(withClient(second.url, (client) => client.query("select one from note"))).rejects.toMatchObject({
      code: "42P01",
    });
    expect(said.join("\n")).toContain(`kept in ${target}-left-`);
    expect(readdirSync(dirname(target)).filter((name) => name.startsWith(basename(target)))).toHaveLength(2);
  });

  it("copies binaries out of a home that PostgreSQL's user cannot enter", async () => {
    const home = temporaryFolder(0o700);
    const hidden = join(home, "native");
    cpSync(reachable(), hidden, { recursive: true, verbatimSymlinks: true });
    const copy = resolveInstallation(chooseAccount(), hidden).folder;
    onTestFinished(() => rmSync(copy, { recursive: true, force: true }));
    expect(copy).not.toContain(home);
    const cluster = await startHere(join(temporaryFolder(), "postgres"), { installation: hidden });
    expect(cluster.version).toMatch(/^18\./);
    expect(resolveInstallation(chooseAccount(), hidden).folder).toBe(copy);
  });

  it("over an ordinary user's data runs as that user, who can start there again", async () => {
    const uid = idOf("nobody");
    const home = temporaryFolder(0o700);
    chownSync(home, uid, uid);
    const dataDir = join(home, "postgres");
    const own = startElsewhere({ dataDir, uid, installation: reachable() });
    await ready(own);
    own.kill("SIGKILL");
    await own.exit;
    const byRoot = await startHere(dataDir, { installation: reachable() });
    expect(ownerOf(byRoot.pid)).toBe(uid);
    await byRoot.stop();
    await ready(startElsewhere({ dataDir, uid, installation: reachable() }));
  });
});

describe.runIf(asRoot && process.platform === "linux")("started by an ordinary user", () => {
  it("in a home of mode 0700, runs as that user and keeps the data there", async () => {
    const uid = idOf("nobody");
    const home = temporaryFolder(0o700);
    chownSync(home, uid, uid);
    const dataDir = join(home, ".tenantctl", "postgres");
    const child = startElsewhere({ dataDir, uid, installation: reachable() }, { env: {} });
    expect(ownerOf((await ready(child)).pid)).toBe(uid);
    expect(lstatSync(dataDir).isDirectory()).toBe(true);
    expect(statSync(join(dataDir, "admin-password"))).toMatchObject({ uid, mode: 0o100600 });
  });

  it("is told when the data belong to somebody else", async () => {
    const dataDir = join(temporaryFolder(), "postgres");
    await (await startHere(dataDir)).stop();
    const refused = await refusal(
      startElsewhere({ dataDir, uid: idOf("nobody"), installation: reachable() }, { env: {} }),
    );
    expect(refused).toMatchObject({
      code: "DataFolderUnreachable",
      hint: expect.stringContaining("Start as the user"),
    });
  });
});

import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { processIdentity, serversIn } from "../src/embedded/process-table.ts";
import { startCluster } from "../src/embedded/start-cluster.ts";
import { waitUntil } from "../src/embedded/wait-until.ts";
import { withClient } from "./harness/database.ts";
import {
  childArguments,
  ready,
  refusal,
  startElsewhere,
  startHere,
  temporaryFolder,
} from "./harness/embedded-process.ts";
import { keys, startInPty } from "./harness/pty.ts";

const note = (url: string) => withClient(url, (client) => client.query("create table note as select 'kept' as word"));
const noted = (url: string) =>
  withClient(url, async (client) => (await client.query<{ word: string }>("select word from note")).rows[0]?.word);

describe("a start", () => {
  it("serves an ordinary user who owns the database and may create roles, durable and on loopback only", async () => {
    const dataDir = join(temporaryFolder(), "postgres");
    const cluster = await startHere(dataDir, { durable: true });
    const seen = await withClient(cluster.url, async (client) => {
      const { rows } = await client.query(
        `select rolsuper, rolcreaterole, rolbypassrls, pg_get_userbyid(datdba) = current_user as owner, rolname, datname,
                datlocprovider, datlocale, pg_encoding_to_char(encoding) as encoding,
                current_setting('fsync') as fsync, current_setting('data_checksums') as checksums,
                current_setting('listen_addresses') as addresses, current_setting('TimeZone') as zone
           from pg_roles, pg_database where rolname = current_user and datname = current_database()`,
      );
      return rows[0];
    });
    expect(seen).toEqual({
      rolsuper: false,
      rolcreaterole: true,
      rolbypassrls: false,
      owner: true,
      rolname: "tenantctl_admin",
      datname: "tenantctl",
      datlocprovider: "b",
      datlocale: "C.UTF-8",
      encoding: "UTF8",
      fsync: "on",
      checksums: "on",
      addresses: "127.0.0.1",
      zone: "UTC",
    });
    const methods = await withClient(cluster.superuserUrl, (client) =>
      client.query("select distinct auth_method from pg_hba_file_rules"),
    );
    expect(methods.rows).toEqual([{ auth_method: "scram-sha-256" }]);
    for (const file of ["admin-password", "superuser-password"]) {
      expect(statSync(join(dataDir, file)).mode & 0o777).toBe(0o600);
    }
  });

  it("keeps the data of the start before it", async () => {
    const dataDir = join(temporaryFolder(), "postgres");
    const first = await startHere(dataDir);
    await note(first.url);
    await first.stop();
    await first.stop();
    expect(await noted((await startHere(dataDir)).url)).toBe("kept");
  });

  it("works in the empty environment that cron gives", async () => {
    const child = startElsewhere({ dataDir: join(temporaryFolder(), "postgres") }, { env: {}, cwd: "/" });
    expect((await ready(child)).version).toMatch(/^18\./);
  });

  it("gives the product's user a new password when its file is lost", async () => {
    const dataDir = join(temporaryFolder(), "postgres");
    const first = await startHere(dataDir);
    await note(first.url);
    await first.stop();
    writeFileSync(join(dataDir, "admin-password"), "");
    expect(await noted((await startHere(dataDir)).url)).toBe("kept");
  });
});

describe("a stop", () => {
  it("by Ctrl-C in a terminal reaches us first: PostgreSQL answers until we stop it, and shuts down whole", async () => {
    const dataDir = join(temporaryFolder(), "postgres");
    const terminal = startInPty(process.execPath, childArguments({ dataDir }));
    const { pid } = await ready(terminal);
    terminal.write(keys.ctrlC);
    await terminal.waitFor(/still answers after SIGINT[\s\S]*stopped/);
    expect(await terminal.exit).toMatchObject({ code: 0 });
    expect(processIdentity(pid)).toBeUndefined();
    expect(readFileSync(join(dataDir, "postgres.log"), "utf8")).toContain("database system is shut down");
  });

  it("by SIGTERM leaves nothing that keeps our process alive", async () => {
    const child = startElsewhere({ dataDir: join(temporaryFolder(), "postgres") });
    await ready(child);
    child.kill("SIGTERM");
    expect(await child.exit).toMatchObject({ code: 0 });
  });

  it("ends sessions that would wait for ever", async () => {
    const cluster = await startHere(join(temporaryFolder(), "postgres"));
    const waiting = withClient(cluster.url, (client) => client.query("select pg_sleep(3600)")).catch(() => "ended");
    await cluster.stop();
    expect(await waiting).toBe("ended");
  });
});

describe("after kill -9", () => {
  it("of our process, the next start takes over from the server left behind", async () => {
    const dataDir = join(temporaryFolder(), "postgres");
    const child = startElsewhere({ dataDir });
    const orphan = await ready(child);
    await note(orphan.url);
    child.kill("SIGKILL");
    await child.exit;
    expect(processIdentity(orphan.pid)).toBeDefined();
    const next = await startHere(dataDir);
    expect(await noted(next.url)).toBe("kept");
    expect(processIdentity(orphan.pid)).toBeUndefined();
  });

  it("of the server, the caller is told, and the next start works though a busy child still runs", async () => {
    const dataDir = join(temporaryFolder(), "postgres");
    let lost = "";
    const first = await startHere(dataDir, { onExit: (reason) => (lost = reason) });
    await note(first.url);
    // A loop in PL/pgSQL never looks whether its server lives, so it outlasts it and holds the shared memory.
    const busy = withClient(first.url, (client) => client.query("do $$ begin loop end loop; end $$")).catch(() => {});
    const looping = async () =>
      withClient(first.superuserUrl, async (client) => {
        const { rows } = await client.query<{ pid: number }>(
          "select pid from pg_stat_activity where query like 'do %' and state = 'active' and usename = 'tenantctl_admin'",
        );
        return rows[0]?.pid;
      });
    let stray: number | undefined;
    while (stray === undefined) stray = await looping();
    process.kill(first.pid, "SIGKILL");
    expect(await waitUntil(() => lost !== "", 20_000)).toBe(true);
    expect(lost).toContain("SIGKILL");
    await first.stop();
    expect(processIdentity(stray)).toBeDefined();
    expect(await noted((await startHere(dataDir)).url)).toBe("kept");
    expect(processIdentity(stray)).toBeUndefined();
    await busy;
  });

  it("of the server and of us, the next start works", async () => {
    const dataDir = join(temporaryFolder(), "postgres");
    const child = startElsewhere({ dataDir });
    const server = await ready(child);
    await note(server.url);
    child.kill("SIGKILL");
    process.kill(server.pid, "SIGKILL");
    await child.exit;
    expect(await noted((await startHere(dataDir)).url)).toBe("kept");
  });

  it("a server's number that is now another program's does not stop the next start, nor is that program touched", async () => {
    const dataDir = join(temporaryFolder(), "postgres");
    const first = await startHere(dataDir);
    await note(first.url);
    await first.stop();
    const { uid, gid } = statSync(join(dataDir, "data"));
    const other = spawn("/bin/sleep", ["600"], { ...(process.getuid?.() === 0 ? { uid, gid } : {}), stdio: "ignore" });
    onTestFinished(() => void other.kill("SIGKILL"));
    writeFileSync(join(dataDir, "data", "postmaster.pid"), `${other.pid}\n${join(dataDir, "data")}\n1\n5432\n\n\n`);
    expect(await noted((await startHere(dataDir)).url)).toBe("kept");
    expect(processIdentity(other.pid ?? 0)).toBeDefined();
  });

  it("in the middle of the first start, the next one makes a whole cluster", async () => {
    const dataDir = join(temporaryFolder(), "postgres");
    const child = startElsewhere({ dataDir });
    const halfway = () => existsSync(dataDir) && readdirSync(dataDir).some((name) => name.startsWith("init-"));
    expect(await waitUntil(halfway, 20_000)).toBe(true);
    child.kill("SIGKILL");
    await child.exit;
    expect(existsSync(join(dataDir, "data"))).toBe(false);
    await note((await startHere(dataDir)).url);
    expect(readdirSync(dataDir).filter((name) => name.startsWith("init-"))).toEqual([]);
  });
});

describe("a data folder", () => {
  it("in use by another start is refused by name, and the other start goes on", async () => {
    const dataDir = join(temporaryFolder(), "postgres");
    const first = await startHere(dataDir);
    const refused = await refusal(startElsewhere({ dataDir }));
    expect(refused.code).toBe("DataFolderInUse");
    expect(refused.message).toContain(`(process ${process.pid})`);
    expect(refused.hint).toContain("TENANTCTL_DATA_DIR");
    await expect(startCluster({ dataDir })).rejects.toMatchObject({ code: "DataFolderInUse" });
    await note(first.url);
  });

  it("goes to exactly one of several starts at once, dead owner or not", async () => {
    const dataDir = join(temporaryFolder(), "postgres");
    const dead = startElsewhere({ dataDir });
    await ready(dead);
    dead.kill("SIGKILL");
    await dead.exit;
    const starts = Array.from({ length: 8 }, () => startElsewhere({ dataDir }));
    const outcomes = await Promise.all(starts.map(async (child) => (await child.waitFor(/ready|refused/))[0]));
    expect(outcomes.toSorted()).toEqual(["ready", ...Array.from({ length: 7 }, () => "refused")]);
  });

  it("of another PostgreSQL major version is refused, naming both, and left as it is", async () => {
    const dataDir = join(temporaryFolder(), "postgres");
    mkdirSync(join(dataDir, "data"), { recursive: true });
    writeFileSync(join(dataDir, "data", "PG_VERSION"), "16\n");
    await expect(startCluster({ dataDir })).rejects.toMatchObject({
      code: "WrongMajorVersion",
      message: expect.stringMatching(/PostgreSQL 16, but this is PostgreSQL 18/),
      hint: expect.stringContaining("TENANTCTL_DATA_DIR"),
    });
    expect(readdirSync(join(dataDir, "data"))).toEqual(["PG_VERSION"]);
    writeFileSync(join(dataDir, "data", "PG_VERSION"), "18\n");
    await expect(startCluster({ dataDir })).rejects.toMatchObject({ code: "StartFailed" });
  });

  it("on a disk that is too full is refused before anything is made", async () => {
    const dataDir = join(temporaryFolder(), "postgres");
    await expect(startCluster({ dataDir, requiredBytes: Number.MAX_SAFE_INTEGER })).rejects.toMatchObject({
      code: "DiskFull",
      message: expect.stringMatching(/MiB free/),
    });
    expect(readdirSync(dataDir)).toEqual([]);
  });

  it("at a place that cannot be a folder is refused in one sentence", async () => {
    const file = join(temporaryFolder(), "file");
    writeFileSync(file, "");
    await expect(startCluster({ dataDir: join(file, "postgres") })).rejects.toMatchObject({
      code: "DataFolderUnreachable",
    });
  });

  it("does not stay locked by a start that failed", async () => {
    const dataDir = join(temporaryFolder(), "postgres");
    await expect(startCluster({ dataDir, installation: "/nowhere" })).rejects.toMatchObject({ code: "BinariesBroken" });
    const cluster = await startHere(dataDir);
    expect(serversIn(join(dataDir, "data"))).toContain(cluster.pid);
  });
});

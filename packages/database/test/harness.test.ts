import { describe, expect, it } from "vitest";
import { migrate } from "../src/migrate.ts";
import { describeOnEachCluster } from "./harness/clusters.ts";
import { createDatabase, createMigratedDatabase, withClient } from "./harness/database.ts";
import { startNode } from "./harness/process.ts";
import { keys, startInPty } from "./harness/pty.ts";

describeOnEachCluster("the test harness", (cluster) => {
  it("gives an empty database whose owner is no superuser and may create roles", async () => {
    const database = await createDatabase({ cluster });
    try {
      const seen = await withClient(database.url, async (client) => {
        await client.query(`create role ${database.prefix}_probe nologin`);
        const { rows } = await client.query<{ super: boolean; createrole: boolean; owner: boolean }>(
          `select r.rolsuper as super, r.rolcreaterole as createrole, d.datdba = r.oid as owner
             from pg_roles r, pg_database d where r.rolname = current_user and d.datname = current_database()`,
        );
        return rows;
      });
      expect(seen).toEqual([{ super: false, createrole: true, owner: true }]);
    } finally {
      await database.drop();
    }
    const left = await withClient(cluster.adminUrl, (client) =>
      client.query("select rolname from pg_roles where rolname like $1", [`${database.prefix}%`]),
    );
    expect(left.rows).toEqual([]);
  });

  it("gives migrated databases that share roles and nothing else, with the template's rights and settings", async () => {
    const [one, two] = await Promise.all([createMigratedDatabase({ cluster }), createMigratedDatabase({ cluster })]);
    try {
      expect(one.prefix).toBe(two.prefix);
      expect(one.name).not.toBe(two.name);
      const [mine, theirs, source] = await Promise.all(
        [one.name, two.name, one.prefix].map((name) =>
          withClient(cluster.adminUrl, async (client) => {
            const { rows } = await client.query(
              `select array(select format('%s %s', grantee::regrole, privilege_type) as line
                              from aclexplode(datacl) order by line) as rights,
                      array(select format('%s %s', setrole::regrole, setconfig) as line
                              from pg_db_role_setting where setdatabase = d.oid order by line) as settings
                 from pg_database d where datname = $1`,
              [name],
            );
            return rows[0];
          }),
        ),
      );
      expect(mine).toEqual(source);
      expect(theirs).toEqual(source);
      expect(await migrate(one.url, { prefix: one.prefix })).toEqual([]);
    } finally {
      await Promise.all([one.drop(), two.drop()]);
    }
  });
});

describe("processes under test", () => {
  it("get exactly the environment and input they are given", async () => {
    const program = "process.stdin.pipe(process.stdout); console.error(Object.keys(process.env).join())";
    const exit = await startNode(["-e", program], { env: { ONLY: "this" }, input: "typed" }).exit;
    expect(exit).toEqual({ code: 0, signal: null, stdout: "typed", stderr: "ONLY\n" });
  });

  it("fail a wait with all they said, as soon as they end", async () => {
    const child = startNode(["-e", "console.log('one'); console.error('two'); process.exitCode = 7"]);
    await expect(child.waitFor(/three/)).rejects.toThrow(/the process ended[\s\S]*one[\s\S]*two/);
    expect(await child.exit).toMatchObject({ code: 7 });
  });

  it("in a pseudo-terminal see a terminal of the size asked for, its keys, and Ctrl-C as a signal", async () => {
    const program = `
      console.log([process.stdin.isTTY, process.stderr.isTTY, process.stdout.columns, process.stdout.rows].join(" "));
      process.stdin.on("data", (line) => console.log("heard " + line));
      process.on("SIGINT", () => process.exit(130));`;
    const terminal = startInPty(process.execPath, ["-e", program], { columns: 77, rows: 22 });
    await terminal.waitFor(/true true 77 22/);
    terminal.write(`it's${keys.enter}`);
    await terminal.waitFor(/heard it's/);
    terminal.write(keys.ctrlC);
    expect(await terminal.exit).toMatchObject({ code: 130 });
  });
});

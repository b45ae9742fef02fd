import { mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import type { BenchSystem } from "./bench-system.ts";
import type { Timing } from "./compare.ts";
import { guideScript } from "./guide-script.ts";
import { type Candidate, measure } from "./measure.ts";
import { runProgram } from "./run-program.ts";

export interface BackupTimes {
  readonly tenantctl: Timing;
  readonly guide: Timing;
  readonly pgDump: Timing;
}

/** Files below a folder, as a check that a candidate did its work. */
const filesIn = (folder: string, ending: string): number =>
  readdirSync(folder, { recursive: true, encoding: "utf8" }).filter(
    (name) => name.endsWith(ending) && statSync(join(folder, name)).size > 0,
  ).length;

const require = (holds: boolean, what: string): void => {
  if (!holds) throw new Error(`a candidate did not do its work: ${what}`);
};

/** Backs up all tenants: with tenantctl, with the guide's script, and (all tables at once, past row-level security) with pg_dump. */
export const measureBackup = async (
  system: BenchSystem,
  tenants: number,
  rounds: number,
  log: (line: string) => void,
): Promise<BackupTimes> => {
  const { folder, url, token, bin, superuser } = system;
  const [node, tenantctl] = system.tenantctl;
  const env = { PATH: process.env.PATH, HOME: folder };
  const within = (name: string) => {
    const path = join(folder, name);
    return {
      path,
      prepare: async () => void mkdirSync(path),
      cleanUp: async () => rmSync(path, { recursive: true, force: true }),
    };
  };
  const own = within("by-tenantctl");
  const script = within("by-guide");
  const dump = within("by-pg-dump");
  // What the archives hold: every table of the tenants but the transient ones, and the audit log.
  const tables = await system.sql(
    `select table_name::regclass::text as name from tenancy.table_classes
      where class = 'protected' and not transient or table_name in ('app.tenants'::regclass, 'app.audit_log'::regclass)`,
  );
  const chosen = tables.flatMap(({ name }) => ["-t", `${String(name)}${name === "app.audit_log" ? "*" : ""}`]);
  const candidates: Candidate[] = [
    {
      name: "tenantctl backup",
      ...own,
      run: async () => {
        const { seconds } = await runProgram(node, [tenantctl, "backup", "--repo", own.path], {
          cwd: own.path,
          env: { ...env, TENANTCTL_API_URL: url, TENANTCTL_TOKEN: token },
        });
        require(filesIn(own.path, ".tar") >= tenants, "an archive for each tenant");
        return seconds;
      },
    },
    {
      name: "the guide's script",
      ...script,
      run: async () => {
        const { seconds } = await runProgram("bash", ["-c", guideScript(token, url)], { cwd: script.path, env });
        require(filesIn(script.path, ".json") >= tenants, "an export of each tenant");
        return seconds;
      },
    },
    {
      name: "pg_dump -Fc -Z1",
      ...dump,
      run: async () => {
        const args = ["-Fc", "-Z1", "-f", join(dump.path, "all.dump"), ...chosen];
        const { seconds } = await runProgram(join(bin, "pg_dump"), args, {
          cwd: dump.path,
          env: { ...env, ...superuser },
        });
        require(filesIn(dump.path, ".dump") === 1, "a dump");
        return seconds;
      },
    },
  ];
  // So that no candidate is the first to be answered by an API that has just started.
  await runProgram(node, [tenantctl, "backup", "--repo", join(folder, "warm-up"), "--tenant", "tenant-1"], {
    cwd: folder,
    env: { ...env, TENANTCTL_API_URL: url, TENANTCTL_TOKEN: token },
  });
  const [first, second, third] = await measure(candidates, rounds, log);
  if (first === undefined || second === undefined || third === undefined) throw new Error("a candidate is missing");
  return { tenantctl: first, guide: second, pgDump: third };
};

import { mkdirSync, readdirSync, statSync } from "node:fs";
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
  // Nothing is removed before the end: for minutes ext4 passes over inodes that were freed, one by one, which makes each file
  // of whoever comes next up to a third of a millisecond dearer.
  const begin = (name: string, round: number): string => {
    const path = join(folder, `by-${name}-${round}`);
    mkdirSync(path);
    return path;
  };
  // What the archives hold: every table of the tenants but the transient ones, and the audit log.
  const tables = await system.sql(
    `select table_name::regclass::text as name from tenancy.table_classes
      where class = 'protected' and not transient or table_name in ('app.tenants'::regclass, 'app.audit_log'::regclass)`,
  );
  const chosen = tables.flatMap(({ name }) => ["-t", `${String(name)}${name === "app.audit_log" ? "*" : ""}`]);
  const candidates: Candidate[] = [
    {
      name: "tenantctl backup",
      run: async (round) => {
        const path = begin("tenantctl", round);
        const { seconds } = await runProgram(node, [tenantctl, "backup", "--repo", path], {
          cwd: path,
          env: { ...env, TENANTCTL_API_URL: url, TENANTCTL_TOKEN: token },
        });
        require(filesIn(path, ".tar") >= tenants, "an archive for each tenant");
        return seconds;
      },
    },
    {
      name: "the guide's script",
      run: async (round) => {
        const path = begin("guide", round);
        const { seconds } = await runProgram("bash", ["-c", guideScript(token, url)], { cwd: path, env });
        require(filesIn(path, ".json") >= tenants, "an export of each tenant");
        return seconds;
      },
    },
    {
      name: "pg_dump -Fc -Z1",
      run: async (round) => {
        const path = begin("pg-dump", round);
        const args = ["-Fc", "-Z1", "-f", join(path, "all.dump"), ...chosen];
        const { seconds } = await runProgram(join(bin, "pg_dump"), args, {
          cwd: path,
          env: { ...env, ...superuser },
        });
        require(filesIn(path, ".dump") === 1, "a dump");
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

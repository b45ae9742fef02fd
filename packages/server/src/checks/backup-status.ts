import { build, sql } from "@tenantctl/database";
import { backedUpTenants, recentHours } from "../backups/read-facts.ts";
import { jsonTime } from "../json-time.ts";
import type { Found, Looking } from "./check.ts";
import { minute, plural, some } from "./wording.ts";

const verifyDays = 7;
const drillDays = 35;

interface Facts {
  readonly tenants: number;
  readonly never: number;
  readonly late: number;
  readonly oldest: string | null;
  readonly verified: string | null;
  readonly drilled: string | null;
  readonly unverified: boolean;
  readonly undrilled: boolean;
  /** The tenants that are longest without a backup. */
  readonly worst: readonly string[];
}

/** Never drilled is late only once there was time for it. */
const isLate = (column: string, days: number) =>
  sql`coalesce(${sql.ref(column)}, first) < now() - make_interval(days => ${sql.lit(days)})`;

const facts =
  sql<Facts>`select tenants, never, late, ${jsonTime("oldest")} as oldest, ${jsonTime("verified")} as verified,
    ${jsonTime("drilled")} as drilled, coalesce(${isLate("verified", verifyDays)}, false) as unverified,
    coalesce(${isLate("drilled", drillDays)}, false) as undrilled, worst
  from (select count(*) as tenants, count(*) filter (where last_backup_at is null) as never, min(last_backup_at) as oldest,
      count(*) filter (where since < now() - make_interval(hours => ${sql.lit(recentHours)})) as late,
      max(last_verified_at) as verified, max(last_drilled_at) as drilled, min(created_at) as first,
      coalesce((array_agg(slug order by since, slug) filter (where since < now() - make_interval(hours => ${sql.lit(recentHours)})))[1:8], '{}') as worst
    from ${backedUpTenants} b) f`.compile(build);

const failedRuns = (since: string) =>
  sql<{
    runs: number;
    failed: number;
  }>`select count(*) as runs, count(*) filter (where failed > 0 or exit_code <> 0) as failed
    from app.backup_runs where started_at >= ${since}::timestamptz`.compile(build);

const last = (what: string, time: string | null): string => `${what}: ${time === null ? "never" : minute(time)}`;

export const backupStatus = async ({ ask, since }: Looking): Promise<Found> => {
  const [[seen], [runs]] = [await ask(facts), await ask(failedRuns(since))];
  if (seen === undefined || seen.tenants === 0) return { result: "ok", evidence: ["there is nothing to back up yet"] };
  const { tenants, never, late, oldest, verified, drilled, unverified, undrilled, worst } = seen;
  const failed = runs?.failed ?? 0;
  return {
    result: late > 0 ? "problem" : unverified || undrilled || failed > 0 ? "warning" : "ok",
    evidence: [
      late === 0
        ? `no tenant of ${tenants} waits longer than ${recentHours} hours for its backup`
        : `${late} of ${plural(tenants, "tenant")} without a backup of the last ${recentHours} hours: ${some(worst, late).join(", ")}`,
      ...(never > 0 ? [`${plural(never, "tenant")} never backed up`] : []),
      last("of the tenants' newest backups the oldest", oldest),
      `${last("last verified", verified)}${unverified ? ` (more than ${verifyDays} days ago)` : ""}`,
      `${last("last restored in a drill", drilled)}${undrilled ? ` (more than ${drillDays} days ago)` : ""}`,
      `${plural(runs?.runs ?? 0, "run")} since ${minute(since)}, ${failed} with failures`,
    ],
    next:
      late > 0
        ? "tenantctl backup"
        : unverified
          ? "tenantctl backup verify --latest"
          : undrilled
            ? "tenantctl backup drill"
            : failed > 0
              ? "tenantctl backup status"
              : undefined,
  };
};

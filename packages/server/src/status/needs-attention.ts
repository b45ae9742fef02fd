import type { ResultOf, Routes } from "@tenantctl/contract";
import type { FailedOperation } from "./current-facts.ts";

type Status = ResultOf<Routes["status.get"]>;
type Attention = Status["needsAttention"][number];

export interface Facts extends Omit<Status, "needsAttention" | "needsAttentionTotal"> {
  /** The rules that unresolved alerts are of. */
  readonly rules: readonly string[];
  readonly failedOperations: readonly FailedOperation[];
}

/** What one part of the system needs a person for, and how much more of it there is than is named. */
interface Concern {
  readonly items: readonly Attention[];
  readonly more?: number;
}

/** Background work that says nothing for so long has stopped. */
const silentMs = 5 * 60_000;
/** One failed evaluation is made good by the next. */
const failingMs = 90_000;
const mostItems = 20;

const one = (holds: boolean, item: () => Attention): Concern => ({ items: holds ? [item()] : [] });
const many = (items: readonly Attention[], total = items.length): Concern => ({ items, more: total - items.length });
const ageMs = (at: string, time: string): number => Date.parse(at) - Date.parse(time);
/** An alert about it says it better, and can be acknowledged. */
const isAlert = ({ rules }: Facts, rule: string): boolean => rules.includes(rule);

/** One row per kind of trouble. Each begins with what the operator would call it. */
const concerns: readonly ((facts: Facts) => Concern)[] = [
  ({ health }) =>
    one(health.migrations !== "current", () => ({
      what:
        health.migrations === "pending"
          ? "the database lacks migrations of this version"
          : "the database has migrations that this version does not know",
      next: health.migrations === "pending" ? "tenantctl migrate" : "run the newer version that made them",
      severity: "critical",
      since: null,
    })),
  ({ at, jobs, health }) => {
    const last = jobs.alertsEvaluatedAt;
    const silent = last === null ? health.uptimeSeconds * 1000 > silentMs : ageMs(at, last) > silentMs;
    return one(silent && jobs.failing.every(({ task }) => task !== "evaluate_alerts"), () => ({
      what: "background jobs have stopped: no alert is evaluated, nobody is told of anything",
      next: "read the API's log; one process must run with TENANTCTL_JOBS=true",
      severity: "critical",
      since: last,
    }));
  },
  // Of all other tasks the rule task_failing speaks; of this one nobody else can.
  ({ at, jobs }) =>
    many(
      jobs.failing
        .filter(({ task, since }) => task === "evaluate_alerts" && ageMs(at, since) > failingMs)
        .map(({ since, error }) => ({
          what: `alerts cannot be evaluated: ${error}`,
          next: "read the API's log",
          severity: "critical",
          since,
        })),
    ),
  ({ alerts, alertsUnattended }) =>
    many(
      alerts
        .filter(
          ({ status, severity, silencedUntil }) => status === "open" && severity !== "info" && silencedUntil === null,
        )
        .map(({ severity, summary, next, openedAt }) => ({
          what: summary,
          next,
          severity: severity === "critical" ? "critical" : "warning",
          since: openedAt,
        })),
      alertsUnattended.critical + alertsUnattended.warning,
    ),
  // One with an end ends by itself; this one waits for somebody.
  ({ maintenance: { system } }) =>
    one(system !== null && system.endsAt === null, () => ({
      what: `${system?.mode === "read_only" ? "all tenants' changes" : "all tenants"} are refused: the system is in maintenance${system?.reason == null ? "" : ` (${system.reason})`}`,
      next: "tenantctl maintenance off",
      severity: "warning",
      since: system?.startedAt ?? null,
    })),
  ({ maintenance: { tenantsWithoutEnd: waiting } }) =>
    one(waiting > 0, () => ({
      what: `${waiting === 1 ? "1 tenant is" : `${waiting} tenants are`} in maintenance until somebody ends it`,
      next: "tenantctl maintenance status",
      severity: "warning",
      since: null,
    })),
  (facts) =>
    one(facts.backups.withoutRecentBackup > 0 && !isAlert(facts, "backup_overdue"), () => ({
      what: `${facts.backups.withoutRecentBackup} tenants have no backup of the last 26 hours`,
      next: "tenantctl backup",
      severity: "critical",
      since: null,
    })),
  (facts) =>
    one(facts.deliveries.givenUp > 0 && !isAlert(facts, "deliveries_failing"), () => ({
      what: `${facts.deliveries.givenUp} notifications reached nobody and were given up`,
      next: "tenantctl deliveries list --status failed",
      severity: "warning",
      since: null,
    })),
  ({ incidents: { open, newest } }) =>
    one(newest !== null, () => ({
      what:
        open === 1
          ? `an incident is open: ${newest?.kind}`
          : `${open} incidents are open, the newest a ${newest?.kind}`,
      next: open === 1 ? `tenantctl incident step ${newest?.id}` : "tenantctl incident list",
      severity: "critical",
      since: newest?.openedAt ?? null,
    })),
  ({ failedOperations, operationsFailed }) =>
    many(
      failedOperations.map(({ id, kind, tenantSlug, error, finishedAt }) => ({
        what: `${kind.replaceAll("_", " ")}${tenantSlug === null ? "" : ` of ${tenantSlug}`} failed${error === null ? "" : `: ${error}`}`,
        next: `tenantctl operations show ${id}`,
        severity: "warning",
        since: finishedAt,
      })),
      failedOperations.length < 4 ? undefined : operationsFailed,
    ),
];

const rank = { critical: 0, warning: 1 } as const;

/** What needs a person, worst first, within that in the order above; nothing on a system that is well. */
export const needsAttention = (facts: Facts): Pick<Status, "needsAttention" | "needsAttentionTotal"> => {
  const found = concerns.map((concern) => concern(facts));
  const items = found.flatMap(({ items: some }) => some).sort((a, b) => rank[a.severity] - rank[b.severity]);
  const more = found.reduce((sum, concern) => sum + (concern.more ?? 0), 0);
  return { needsAttention: items.slice(0, mostItems), needsAttentionTotal: items.length + more };
};

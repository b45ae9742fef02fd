import { tenantStatuses } from "@tenantctl/contract";
import { bytesText } from "../output/cell.ts";
import { ageText, durationText } from "../output/duration.ts";
import type { Health, Status } from "./known.ts";

/** What a section says. `well` ones may be named together where room is short. */
export interface Said {
  readonly state: "well" | "notice" | "person";
  readonly text: string;
  /** Shown under it where there is room, the most important first. */
  readonly details?: readonly string[];
  /** The command that shows all details. */
  readonly rest?: string;
}

export interface Section<Known> {
  readonly title: string;
  readonly say: (known: Known) => Said;
}

export interface KnownHealth {
  readonly url: string;
  readonly health: Health;
  readonly version?: string;
}
export type KnownStatus = Status & KnownHealth & { readonly version: string };

const amount = (resource: string, value: number): string =>
  resource === "storage_bytes" ? bytesText(value) : String(value);
const said = (state: Said["state"], text: string): Said => ({ state, text });
const plural = (count: number, one: string): string => `${count} ${one}${count === 1 ? "" : "s"}`;

/** What is known without a login. */
export const healthSections: readonly Section<KnownHealth>[] = [
  {
    title: "api",
    say: ({ url, version, health }) =>
      said(
        "well",
        `${url}${version === undefined ? "" : `, version ${version}`}, up ${durationText(health.uptimeSeconds)}`,
      ),
  },
  {
    title: "database",
    say: ({ health: { database, migrations } }) => {
      if (!database.reachable) return said("person", "does not answer");
      const latency = database.latencyMs === null ? "" : `, ${database.latencyMs.toFixed(1)} ms`;
      return said(migrations === "current" ? "well" : "person", `answers${latency}; migrations ${migrations}`);
    },
  },
];

/** The screen, top to bottom: to show more, add a row. */
export const sections: readonly Section<KnownStatus>[] = [
  ...healthSections,
  {
    title: "jobs",
    say: ({ at, jobs: { alertsEvaluatedAt, failing } }) => {
      const when = alertsEvaluatedAt === null ? "never yet" : `${ageText(at, alertsEvaluatedAt)} ago`;
      if (failing.length === 0) return said("well", `alerts evaluated ${when}`);
      return said("person", `failing: ${failing.map(({ task }) => task).join(", ")}`);
    },
  },
  {
    title: "audit",
    say: ({ auditSealing: { waiting, lagSeconds } }) => {
      if (waiting === 0) return said("well", "all sealed");
      return said(
        lagSeconds > 60 ? "notice" : "well",
        `${waiting} to seal, the oldest ${durationText(lagSeconds)} old`,
      );
    },
  },
  {
    title: "disk",
    say: ({ disk }) => {
      if (disk === null) return said("well", "not seen from here");
      const used = Math.floor(disk.usedPercent);
      return said(used >= 85 ? "notice" : "well", `${used} % used, ${disk.path} on ${disk.host}`);
    },
  },
  {
    title: "tenants",
    say: ({ tenants }) => {
      const parts = tenantStatuses.filter((name) => (tenants[name] ?? 0) > 0).map((name) => `${tenants[name]} ${name}`);
      return said("well", parts.length === 0 ? "none yet" : parts.join(", "));
    },
  },
  {
    title: "paused",
    say: ({ at, maintenance: { system, tenants } }) => {
      if (system === null && tenants === 0) return said("well", "none");
      const ends = (time: string | null): string => (time === null ? "" : `, ends in ${ageText(time, at)}`);
      const parts = [
        ...(system === null
          ? []
          : [
              `the whole system since ${ageText(at, system.startedAt)}${system.mode === "read_only" ? ", read-only" : ""}${ends(system.endsAt)}`,
            ]),
        ...(tenants === 0 ? [] : [`${plural(tenants, "tenant")} by ${tenants === 1 ? "itself" : "themselves"}`]),
      ];
      return { ...said("notice", parts.join("; ")), details: [], rest: "tenantctl maintenance status" };
    },
  },
  {
    title: "quotas",
    say: ({ quotasNearLimit, quotasNearLimitTotal: total }) => {
      if (total === 0) return said("well", "none near its limit");
      return {
        state: "notice",
        text: `${total} at 80 % or more`,
        details: quotasNearLimit.map(
          ({ slug, resource, used, limit, percentage }) =>
            `${`${Math.round(percentage)} %`.padStart(6)}  ${slug}  ${resource} ${amount(resource, used)} of ${amount(resource, limit)}`,
        ),
        rest: "tenantctl quotas show TENANT",
      };
    },
  },
  {
    title: "alerts",
    say: ({ at, alerts, alertsTotal, alertsUnattended: { critical, warning, info } }) => {
      if (alertsTotal === 0) return said("well", "none");
      const taken = alertsTotal - critical - warning - info;
      const parts = [
        ...(critical > 0 ? [`${critical} critical`] : []),
        ...(warning > 0 ? [plural(warning, "warning")] : []),
        ...(info > 0 ? [`${info} for information`] : []),
        ...(taken > 0 ? [`${taken} taken or silenced`] : []),
      ];
      return {
        state: critical > 0 ? "person" : critical + warning > 0 ? "notice" : "well",
        text: parts.join(", "),
        // Those that need a person stand above already.
        details: alerts
          .filter(
            ({ status, severity, silencedUntil }) => status !== "open" || severity === "info" || silencedUntil !== null,
          )
          .map(
            ({ summary, openedAt, acknowledgedBy, silencedUntil }) =>
              `${ageText(at, openedAt).padStart(6)}  ${summary}${acknowledgedBy === null ? "" : ` (${acknowledgedBy})`}${silencedUntil === null ? "" : " (silenced)"}`,
          ),
        rest: "tenantctl alerts list",
      };
    },
  },
  {
    title: "errors",
    say: ({ at, errors: { groups, newest } }) => {
      if (newest === null) return said("well", "none within a day");
      return {
        ...said("notice", `${plural(groups, "kind")} within a day`),
        details: [
          `${ageText(at, newest.lastSeenAt).padStart(6)}  ${newest.error} in ${newest.place}  tenantctl logs errors`,
        ],
        rest: "tenantctl logs errors",
      };
    },
  },
  {
    title: "pages",
    say: ({ deliveries: { channels, retrying, givenUp } }) => {
      if (retrying + givenUp === 0)
        return said("well", channels === 0 ? "no contacts: alerts reach nobody yet" : "all delivered");
      const parts = [
        ...(retrying > 0 ? [`${retrying} tried again`] : []),
        ...(givenUp > 0 ? [`${givenUp} given up within a day`] : []),
      ];
      return said("notice", parts.join(", "));
    },
  },
  {
    title: "backups",
    say: ({ at, tenants, backups }) => {
      const { oldestBackupAt, withoutRecentBackup: overdue, lastVerifiedAt, lastDrilledAt } = backups;
      const kept = Object.entries(tenants).some(([name, count]) => name !== "purged" && count > 0);
      if (!kept && oldestBackupAt === null) return said("well", "nothing to back up yet");
      const age = (time: string | null): string => (time === null ? "never" : ageText(at, time));
      // Three facts, and how many lack the first: short enough for 60 columns.
      const parts = [
        `${overdue} overdue`,
        oldestBackupAt === null ? "none yet" : `age ${age(oldestBackupAt)}`,
        `verified ${age(lastVerifiedAt)}`,
        `drilled ${age(lastDrilledAt)}`,
      ];
      return said(overdue === 0 ? "well" : "person", parts.join(", "));
    },
  },
  {
    title: "checklists",
    say: ({ at, checklists }) => {
      const due = checklists.some(({ overdue }) => overdue);
      const parts = checklists.map(({ cadence, lastRunAt, overdue }) => {
        const when = lastRunAt === null ? "never" : ageText(at, lastRunAt);
        return `${cadence} ${when}${overdue ? " (due)" : ""}`;
      });
      return said(due ? "notice" : "well", parts.join(", "));
    },
  },
  {
    title: "incidents",
    say: ({ at, incidents: { open, newest } }) =>
      newest === null
        ? said("well", "none open")
        : {
            ...said("person", `${open} open, the newest: ${newest.kind}, ${ageText(at, newest.openedAt)}`),
            rest: "tenantctl incident list",
          },
  },
  {
    title: "operations",
    say: ({ operationsRunning: running, operationsFailed: failed }) =>
      said(
        failed > 0 ? "notice" : "well",
        `${running === 0 ? "none" : running} running${failed === 0 ? "" : `, ${failed} failed within a day`}`,
      ),
  },
];

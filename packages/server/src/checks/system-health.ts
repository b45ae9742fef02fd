import type { CheckResult, ResultOf, Routes } from "@tenantctl/contract";
import { statusOf } from "../status/status-of.ts";
import type { Found, Looking } from "./check.ts";
import { plural, worst } from "./wording.ts";

type Status = ResultOf<Routes["status.get"]>;

interface Sign {
  readonly result: CheckResult;
  readonly line: string;
  readonly next?: string;
}

/** Background work that says nothing for so long has stopped. */
const silentMs = 5 * 60_000;

const sign = (result: CheckResult, line: string, next?: string): Sign =>
  next === undefined ? { result, line } : { result, line, next };

/** One row for each part of the system. */
const signs: readonly ((status: Status) => Sign)[] = [
  ({ health: { database } }) =>
    database.reachable
      ? sign("ok", `the database answers in ${(database.latencyMs ?? 0).toFixed(1)} ms`)
      : sign("problem", "the database does not answer", "tenantctl status"),
  ({ health: { migrations } }) =>
    migrations === "current"
      ? sign("ok", "the schema is this version's")
      : sign("problem", `migrations are ${migrations}`, "tenantctl migrate"),
  ({ at, health, jobs: { alertsEvaluatedAt: last, failing } }) => {
    const [first] = failing;
    if (first !== undefined) {
      const names = failing.map(({ task }) => task).join(", ");
      return sign("problem", `background tasks fail: ${names} (${first.error})`, "tenantctl status");
    }
    if (last === null) {
      return health.uptimeSeconds * 1000 > silentMs
        ? sign(
            "problem",
            "no background task has ever run: no alert is evaluated",
            "tenantctl serve, with TENANTCTL_JOBS=true",
          )
        : sign("ok", "background tasks begin: the API has just started");
    }
    const silence = Date.parse(at) - Date.parse(last);
    return silence > silentMs
      ? sign("problem", `no alert was evaluated since ${last}`, "tenantctl serve, with TENANTCTL_JOBS=true")
      : sign("ok", "background tasks run");
  },
  ({ disk }) => {
    if (disk === null) return sign("ok", "no disk is seen from here: watch the database's where it runs");
    const used = Math.floor(disk.usedPercent);
    const line = `${used} % of the disk under ${disk.path} on ${disk.host} is used`;
    return used >= 85 ? sign(used >= 95 ? "problem" : "warning", line, `df -h ${disk.path}`) : sign("ok", line);
  },
  ({ auditSealing: { waiting, lagSeconds } }) =>
    lagSeconds > 60
      ? sign(
          "warning",
          `${plural(waiting, "row")} of the audit log wait for their seal, the oldest for ${lagSeconds} s`,
          "tenantctl audit verify",
        )
      : sign("ok", "the audit log is sealed"),
  ({ deliveries: { channels, givenUp } }) => {
    if (channels === 0)
      return sign(
        "warning",
        "no contacts: alerts reach nobody",
        "tenantctl contacts set on-call --role on_call --webhook-url https://…",
      );
    return givenUp > 0
      ? sign(
          "warning",
          `${plural(givenUp, "notification")} of the last day reached nobody`,
          "tenantctl deliveries list --status failed",
        )
      : sign("ok", `contacts are told through ${plural(channels, "channel")}`);
  },
  ({ operationsFailed: failed }) =>
    failed > 0
      ? sign(
          "warning",
          `${plural(failed, "operation")} failed within a day`,
          "tenantctl operations list --status failed",
        )
      : sign("ok", "no operation failed within a day"),
];

/** The system's parts, worst first. */
export const systemHealth = async ({ app, scope }: Looking): Promise<Found> => {
  const status = await statusOf(app, scope);
  const all = signs.map((say) => say(status));
  const order: readonly CheckResult[] = ["problem", "warning", "ok"];
  const sorted = [...all].sort((a, b) => order.indexOf(a.result) - order.indexOf(b.result));
  return {
    result: worst(all.map(({ result }) => result)),
    evidence: sorted.map(({ line }) => line),
    next: sorted[0]?.next,
  };
};

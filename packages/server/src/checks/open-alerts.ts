import { totals, worstAlerts } from "../status/current-facts.ts";
import type { Found, Looking } from "./check.ts";
import { minute, plural, some } from "./wording.ts";

export const openAlerts = async ({ ask }: Looking): Promise<Found> => {
  const [alerts, [counted]] = [await ask(worstAlerts), await ask(totals)];
  const [first] = alerts;
  if (first === undefined || counted === undefined) return { result: "ok", evidence: ["no alert is open"] };
  const { critical, warning, info } = counted;
  const taken = counted.alerts - critical - warning - info;
  const lines = alerts.map(
    ({ severity, summary, openedAt, acknowledgedBy }) =>
      `${severity}: ${summary} (since ${minute(openedAt)}${acknowledgedBy === null ? "" : `, taken by ${acknowledgedBy}`})`,
  );
  return {
    result: critical > 0 ? "problem" : warning > 0 ? "warning" : "ok",
    evidence: [
      `${plural(counted.alerts, "alert")}: nobody took ${critical} critical, ${plural(warning, "warning")}, ${info} for information; ${taken} taken or silenced`,
      ...some(lines, counted.alerts),
    ],
    next: critical + warning > 0 ? `tenantctl alerts show ${first.id}` : "tenantctl alerts list",
  };
};

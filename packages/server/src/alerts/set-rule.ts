import { type BodyOf, ContractError, type Routes } from "@tenantctl/contract";
import { alertMetrics } from "./alert-metrics.ts";
import type { RuleRow } from "./alert-rule.ts";

type Patch = BodyOf<Routes["alertRules.set"]>;

const refuse = (path: string, message: string, next: string): ContractError =>
  new ContractError("invalid_request", `${path} ${message}.`, next, { faults: [{ path, message }] });

const metricNames = Object.keys(alertMetrics).sort().join(", ");

/** What a new rule is where nobody says otherwise. */
const unsaid = {
  criticalThreshold: null,
  handsOverAt: null,
  forSeconds: 0,
  clearAfterSeconds: 300,
  severity: "warning",
  notify: ["on_call"],
  escalateAfterSeconds: null,
  enabled: true,
} as const satisfies Partial<RuleRow>;

const sameRoles = (a: RuleRow["notify"], b: RuleRow["notify"]): boolean =>
  String(a.toSorted()) === String(b.toSorted());

/** The rule as it would be: `before` (undefined: a new one) with what the patch says. Throws invalid_request. */
export const patchedRule = (name: string, before: RuleRow | undefined, patch: Patch): RuleRow => {
  const said = Object.fromEntries(Object.entries(patch).filter(([, value]) => value !== undefined)) as Patch;
  const metricName = said.metric ?? before?.metric;
  if (metricName === undefined) {
    throw refuse("body.metric", "is missing", `A new rule watches one of: ${metricNames}.`);
  }
  const metric = Object.hasOwn(alertMetrics, metricName) ? alertMetrics[metricName] : undefined;
  if (metric === undefined && said.metric !== undefined) {
    throw refuse("body.metric", "names no metric of this version", `There are: ${metricNames}.`);
  }
  const threshold = said.threshold ?? before?.threshold;
  if (threshold === undefined) {
    throw refuse("body.threshold", "is missing", `Say from how many ${metric?.unit ?? ""} on the rule holds.`);
  }
  const after: RuleRow = {
    ...unsaid,
    about: metric?.about ?? name,
    ...before,
    ...said,
    name,
    metric: metricName,
    threshold,
  };
  const beyond = (value: number): boolean =>
    metric?.comparison === "atMost" ? value <= threshold : value >= threshold;
  for (const field of ["criticalThreshold", "handsOverAt"] as const) {
    const value = after[field];
    if (metric !== undefined && value !== null && !beyond(value)) {
      const side = metric.comparison === "atMost" ? "above" : "below";
      throw refuse(
        `body.${field}`,
        `is ${side} the threshold of ${threshold}`,
        "Set both, or none of it (null; in tenantctl: none).",
      );
    }
  }
  // The same contacts in another order are no change.
  return before !== undefined && sameRoles(before.notify, after.notify) ? { ...after, notify: before.notify } : after;
};

import { sql } from "@tenantctl/database";
import type { AlertMetric, Reading } from "./alert-metric.ts";

/** What the watching itself tells. Rules on these are evaluated after all others, whose last evaluation they look at. */
export const ownMetrics: Readonly<Record<string, AlertMetric>> = {
  rule_broken: {
    unit: "evaluations",
    about: "of each rule that failed one after the other: its metric is unknown here, failed, or took too long",
    comparison: "atLeast",
    cost: "reads a row per rule",
    find: () => sql<Reading>`select e.rule as subject, null::uuid as "tenantId", e.failures::float8 as value,
        format('the rule %s watches nothing: %s', e.rule, e.error) as summary,
        jsonb_build_object('rule', e.rule, 'error', e.error, 'evaluations', e.failures) as evidence,
        format('tenantctl alerts rules show %s', e.rule) as next
      from app.alert_evaluations e join app.alert_rules r on r.name = e.rule and r.enabled where e.failures > 0`,
  },
  rule_capped: {
    unit: "findings",
    about: "of each rule that have no alert, because there would be too many",
    comparison: "atLeast",
    cost: "reads a row per rule",
    find: () => sql<Reading>`select e.rule as subject, null::uuid as "tenantId", e.withheld::float8 as value,
        format('the rule %s holds for %s subjects; %s of them have no alert', e.rule, e.holding, e.withheld) as summary,
        jsonb_build_object('rule', e.rule, 'holding', e.holding, 'withheld', e.withheld) as evidence,
        format('tenantctl alerts rules test %s', e.rule) as next
      from app.alert_evaluations e join app.alert_rules r on r.name = e.rule and r.enabled where e.withheld > 0`,
  },
};

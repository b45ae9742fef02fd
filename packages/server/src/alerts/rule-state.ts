import type { ResultOf, Routes } from "@tenantctl/contract";
import { sql } from "@tenantctl/database";
import { jsonTime } from "../json-time.ts";
import { alertMetrics } from "./alert-metrics.ts";
import { type RuleRow, ruleColumns } from "./alert-rule.ts";

export type AlertRule = ResultOf<Routes["alertRules.get"]>;

/** A rule and how its last evaluation went, as the database knows them. */
export interface StoredRule
  extends RuleRow,
    Pick<AlertRule, "source" | "alerts" | "holding" | "withheld" | "updatedAt" | "updatedBy"> {
  readonly pending: boolean;
  readonly evaluatedAt: string | null;
  readonly durationMs: number | null;
  readonly error: string | null;
  readonly unavailable: string | null;
}

/** Rules with what is known of them, under the alias `r`. */
export const storedRules = sql<StoredRule>`select ${ruleColumns},
    case when r.shipped is null then 'own' when to_jsonb(r) @> r.shipped then 'shipped' else 'changed' end as source,
    (select count(*) from app.alerts a where a.rule = r.name and a.status <> 'resolved') as alerts,
    exists (select from app.alert_pending p where p.rule = r.name) as pending,
    coalesce(e.holding, 0) as holding, coalesce(e.withheld, 0) as withheld, ${jsonTime("e.evaluated_at")} as "evaluatedAt",
    round(e.duration_ms::numeric, 1)::float8 as "durationMs", e.error, e.unavailable,
    ${jsonTime("r.updated_at")} as "updatedAt", r.updated_by as "updatedBy"
  from app.alert_rules r left join app.alert_evaluations e on e.rule = r.name`;

const stateOf = (rule: StoredRule, known: boolean): AlertRule["state"] => {
  if (!rule.enabled) return "off";
  if (!known || rule.error !== null) return "broken";
  if (rule.evaluatedAt === null) return "new";
  if (rule.unavailable !== null) return "unavailable";
  if (rule.alerts > 0) return "firing";
  return rule.pending ? "pending" : "clear";
};

/** A rule as the API shows it: never clear where nothing is watched. */
export const ruleBody = (rule: StoredRule): AlertRule => {
  const { pending: _, error, unavailable, ...fields } = rule;
  const metric = Object.hasOwn(alertMetrics, rule.metric) ? alertMetrics[rule.metric] : undefined;
  const unknown = `there is no metric ${rule.metric} in this version`;
  return {
    ...fields,
    notify: [...fields.notify],
    state: stateOf(rule, metric !== undefined),
    problem: !rule.enabled ? null : metric === undefined ? unknown : (error ?? unavailable),
    unit: metric?.unit ?? null,
    comparison: metric?.comparison ?? null,
  };
};

import type { ContactRole, Severity } from "@tenantctl/contract";
import { sql } from "@tenantctl/database";
import type { RawBuilder } from "kysely";
import type { AlertMetric, Reading } from "./alert-metric.ts";

/** A row of `app.alert_rules`, as far as it says what is watched. */
export interface RuleRow {
  readonly name: string;
  readonly metric: string;
  readonly about: string;
  readonly threshold: number;
  readonly criticalThreshold: number | null;
  readonly handsOverAt: number | null;
  readonly forSeconds: number;
  readonly clearAfterSeconds: number;
  readonly severity: Severity;
  readonly notify: readonly ContactRole[];
  readonly escalateAfterSeconds: number | null;
  readonly enabled: boolean;
}

/** Its columns, of a row `r`. */
export const ruleColumns = sql<RuleRow>`r.name, r.metric, r.about, r.threshold, r.critical_threshold as "criticalThreshold",
  r.hands_over_at as "handsOverAt", r.hold_seconds as "forSeconds", r.clear_after_seconds as "clearAfterSeconds", r.severity,
  r.notify, r.escalate_after_seconds as "escalateAfterSeconds", r.enabled`;

/** What a rule found: a fact per fingerprint. */
export interface Finding extends Omit<Reading, "subject"> {
  readonly fingerprint: string;
  readonly severity: Severity;
}

type Thresholds = Pick<RuleRow, "name" | "threshold" | "criticalThreshold" | "handsOverAt" | "severity">;

/** One select of everything for which the rule holds now. Throws where a metric's SQL can't be made. */
export const findingsOf = (metric: AlertMetric, rule: Thresholds): RawBuilder<Finding> => {
  const reaches = (limit: number): RawBuilder<boolean> =>
    metric.comparison === "atLeast" ? sql`m.value >= ${limit}::float8` : sql`m.value <= ${limit}::float8`;
  const { name, threshold, criticalThreshold, handsOverAt, severity } = rule;
  const isCritical = criticalThreshold === null ? sql`false` : reaches(criticalThreshold);
  return sql<Finding>`select ${name}::text || case when m.subject = '' then '' else ':' || m.subject end as fingerprint,
      m."tenantId", m.value, case when ${isCritical} then 'critical' else ${severity}::text end as severity,
      m.summary, m.evidence, m.next
    from (${metric.find(sql<number>`${threshold}::float8`)}) m
    where ${reaches(threshold)} ${handsOverAt === null ? sql`` : sql`and not ${reaches(handsOverAt)}`}`;
};

/** Severities as numbers that can be compared. */
export const weight = (severity: RawBuilder<unknown>): RawBuilder<number> =>
  sql<number>`array_position(array['info', 'warning', 'critical'], ${severity})`;

/** The order of findings `f`, the worst first. */
export const worstFirst = ({ comparison }: AlertMetric): RawBuilder<unknown> =>
  sql`${weight(sql`f.severity`)} desc, f.value ${comparison === "atLeast" ? sql`desc` : sql`asc`}, f.fingerprint`;

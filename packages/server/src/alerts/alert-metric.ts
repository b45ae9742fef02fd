import type { RawBuilder } from "kysely";

/** One value of one subject. A metric with a single subject calls it ''. */
export interface Reading {
  /** Names the subject among the metric's others, the same each time: an alert's fingerprint is made from it. */
  readonly subject: string;
  readonly tenantId: string | null;
  readonly value: number;
  /** What is wrong, in one line. */
  readonly summary: string;
  readonly evidence: unknown;
  /** A command that shows more or mends it. */
  readonly next: string;
}

/** Something that rules can watch. The rules themselves are rows of `app.alert_rules`. */
export interface AlertMetric {
  /** What the value counts: "%", "hours", "days", "logins". */
  readonly unit: string;
  /** What is measured, of what, over which time. */
  readonly about: string;
  /** When a rule on it holds: at its threshold and above, or at it and below. */
  readonly comparison: "atLeast" | "atMost";
  /** What one evaluation reads, for those who run 100,000 tenants. */
  readonly cost: string;
  /**
   * One select that answers for all subjects at once: subject text, "tenantId" uuid, value float8, summary text, evidence
   * jsonb, next text. It may leave out what does not reach `threshold`; whoever asks compares again.
   */
  readonly find: (threshold: RawBuilder<number>) => RawBuilder<Reading>;
  /** A scalar expression: null, or one line that says why this can't be measured here. */
  readonly unavailable?: RawBuilder<string | null>;
}

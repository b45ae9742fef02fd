import Type from "typebox";
import { contactRoles, severities } from "./contact.ts";
import { Closed, Count, Line, Nullable, OneOf, TenantRef, Time, Uuid } from "./values.ts";

export const alertStatuses = ["open", "acknowledged", "resolved"] as const;

const alertProperties = {
  id: Uuid("The alert's id"),
  rule: Type.String({ description: "The rule that raised it" }),
  severity: OneOf(severities, "How bad it has been since it opened"),
  status: OneOf(alertStatuses, "Where it stands"),
  tenantId: Nullable(Uuid("Whose; null for the system")),
  tenantSlug: Nullable(Type.String({ description: "Whose, by name" })),
  summary: Type.String({ description: "What is wrong, in one line" }),
  value: Nullable(Type.Number({ description: "What was measured last, in the metric's unit" })),
  evidence: Type.Record(Type.String(), Type.Unknown(), { description: "What was measured" }),
  next: Type.String({ description: "The next step" }),
  openedAt: Time("When it was opened"),
  reopened: Count("How often it came back shortly after it was resolved"),
  lastSeenAt: Time("When it was last found to hold"),
  silencedUntil: Nullable(Time("Until when a silence keeps it from telling anybody")),
  notifiedAt: Nullable(Time("When contacts were told, since it last opened; null: nobody was")),
  escalatedAt: Nullable(Time("When it was escalated, nobody having taken it")),
  acknowledgedAt: Nullable(Time("When somebody took it")),
  acknowledgedBy: Nullable(Type.String({ description: "Who took it" })),
  note: Nullable(Type.String({ description: "What they said" })),
  resolvedAt: Nullable(Time("When it no longer held")),
  resolvedBy: Nullable(Type.String({ description: "Who closed it; null where it ended by itself" })),
};

export const Alert = Closed(alertProperties);

/** After a step: `changed` is false where it was so already, perhaps by somebody else. */
export const AlertChange = Closed({
  ...alertProperties,
  changed: Type.Boolean({ description: "False where it was so already; then it says who has it" }),
});

export const RuleName = Type.String({
  description: "A rule",
  pattern: "^[a-z][a-z0-9_]*$",
  minLength: 1,
  maxLength: 63,
});
export const MetricName = Type.String({
  description: "What it watches: a metric's name (`tenantctl alerts rules metrics`)",
  pattern: "^[a-z][a-z0-9_]*$",
  minLength: 1,
  maxLength: 63,
});

const longest = 31 * 86_400;
const Seconds = (description: string, minimum = 0) => Type.Integer({ description, minimum, maximum: longest });
export const Threshold = (description: string) =>
  Type.Number({ description, minimum: -1_000_000_000_000, maximum: 1_000_000_000_000 });
const NotifyRoles = Type.Array(Type.Enum([...contactRoles]), {
  description: `Which contacts hear of it: ${contactRoles.join(", ")}; empty (in tenantctl: nobody) for none`,
  maxItems: contactRoles.length,
  uniqueItems: true,
});

const ruleValues = {
  threshold: Threshold("From which value on it holds, in the metric's unit"),
  criticalThreshold: Nullable(Threshold("From which value on it is critical")),
  handsOverAt: Nullable(Threshold("From which value on another rule speaks in its place")),
  forSeconds: Seconds("How long it must hold before an alert opens"),
  clearAfterSeconds: Seconds("How long it must be gone before its alert is resolved"),
  severity: OneOf(severities, "How bad it is"),
  notify: NotifyRoles,
  escalateAfterSeconds: Nullable(Seconds("How long nobody may take it before it is escalated", 60)),
  enabled: Type.Boolean({ description: "Whether it is evaluated" }),
  about: Line("What it is about, for people", 300),
};

export const ruleStates = ["clear", "pending", "firing", "unavailable", "broken", "off", "new"] as const;

export const AlertRule = Closed({
  name: RuleName,
  state: OneOf(
    ruleStates,
    "pending: it holds, not for long enough yet. unavailable: its metric can't be measured here. broken: it can't be evaluated. off: it is disabled. new: it was not evaluated yet",
  ),
  problem: Nullable(Type.String({ description: "Why it is unavailable or broken" })),
  metric: MetricName,
  unit: Nullable(Type.String({ description: "The metric's unit; null where the metric is unknown here" })),
  comparison: Nullable(OneOf(["atLeast", "atMost"], "Whether it holds at the threshold and above, or at it and below")),
  ...ruleValues,
  source: OneOf(["shipped", "changed", "own"], "Whether it is as it was shipped"),
  alerts: Count("Its alerts that are not resolved"),
  holding: Count("Subjects for which it held at the last evaluation"),
  withheld: Count("Of these, how many have no alert because there would be too many"),
  evaluatedAt: Nullable(Time("The last evaluation, failed ones too")),
  durationMs: Nullable(Type.Number({ description: "How long the last evaluation took", minimum: 0 })),
  updatedAt: Time("The last change"),
  updatedBy: Nullable(Type.String({ description: "Who made it; null where nobody did" })),
});

/** What can be set; what is left out stays. A new rule needs metric and threshold. */
export const AlertRulePatch = Closed({
  metric: Type.Optional(MetricName),
  threshold: Type.Optional(ruleValues.threshold),
  criticalThreshold: Type.Optional(ruleValues.criticalThreshold),
  handsOverAt: Type.Optional(ruleValues.handsOverAt),
  forSeconds: Type.Optional(ruleValues.forSeconds),
  clearAfterSeconds: Type.Optional(ruleValues.clearAfterSeconds),
  severity: Type.Optional(ruleValues.severity),
  notify: Type.Optional(ruleValues.notify),
  escalateAfterSeconds: Type.Optional(ruleValues.escalateAfterSeconds),
  enabled: Type.Optional(ruleValues.enabled),
  about: Type.Optional(ruleValues.about),
});

export const AlertRuleTest = Closed({
  rule: RuleName,
  metric: MetricName,
  unit: Type.String({ description: "The metric's unit" }),
  threshold: Type.Number({ description: "The threshold it was tried with" }),
  unavailable: Nullable(Type.String({ description: "Why its metric can't be measured here" })),
  durationMs: Type.Number({ description: "How long it took", minimum: 0 }),
  holding: Count("Subjects for which it holds"),
  findings: Type.Array(
    Closed({
      severity: OneOf(severities, "How bad"),
      tenantId: Nullable(Uuid("Whose; null for the system")),
      value: Type.Number({ description: "What was measured" }),
      summary: Type.String({ description: "What is wrong" }),
      evidence: Type.Record(Type.String(), Type.Unknown(), { description: "What was measured" }),
      next: Type.String({ description: "The next step" }),
      alert: OneOf(["open", "acknowledged", "pending", "would open", "would wait"], "What stands or would come of it"),
    }),
    { description: "The worst of them, at most 100" },
  ),
});

export const AlertMetricInfo = Closed({
  name: MetricName,
  unit: Type.String({ description: "What its value counts" }),
  about: Type.String({ description: "What is measured" }),
  comparison: OneOf(["atLeast", "atMost"], "Whether a rule holds at its threshold and above, or at it and below"),
  cost: Type.String({ description: "What one evaluation reads" }),
  unavailable: Nullable(Type.String({ description: "Why it can't be measured here" })),
  rules: Type.Array(RuleName, { description: "The rules that watch it" }),
});

export const Silence = Closed({
  id: Uuid("The silence's id"),
  rule: Nullable(RuleName),
  alertId: Nullable(Uuid("The newest alert that it is about, where it is about one alert only")),
  tenantId: Nullable(Uuid("Only alerts of this tenant")),
  tenantSlug: Nullable(Type.String({ description: "Whose, by name" })),
  reason: Type.String({ description: "Why" }),
  createdBy: Type.String({ description: "Who set it" }),
  createdAt: Time("Since when"),
  expiresAt: Time("Until when"),
  endedAt: Nullable(Time("When it was ended before its time")),
  endedBy: Nullable(Type.String({ description: "Who ended it" })),
  active: Type.Boolean({ description: "Whether it stands now" }),
  alerts: Count("Unresolved alerts that it keeps quiet now"),
});

export const NewSilence = Closed({
  rule: Type.Optional(RuleName),
  alertId: Type.Optional(Uuid("This alert, also when it comes back")),
  tenantId: Type.Optional(TenantRef),
  forSeconds: Seconds("How long, from now", 1),
  reason: Line("Why, for those who wonder", 500),
});

import Type from "typebox";
import { Closed, Nullable, OneOf, Time, Uuid } from "./values.ts";

export const alertStatuses = ["open", "acknowledged", "resolved"] as const;

export const Alert = Closed({
  id: Uuid("The alert's id"),
  rule: Type.String({ description: "The rule that raised it" }),
  severity: OneOf(["info", "warning", "critical"], "How bad"),
  status: OneOf(alertStatuses, "Where it stands"),
  tenantId: Nullable(Uuid("Whose; null for the system")),
  tenantSlug: Nullable(Type.String({ description: "Whose, by name" })),
  summary: Type.String({ description: "What is wrong, in one line" }),
  evidence: Type.Record(Type.String(), Type.Unknown(), { description: "What was measured" }),
  next: Type.String({ description: "The next step" }),
  openedAt: Time("When it was opened"),
  lastSeenAt: Time("When it was last found to hold"),
  acknowledgedAt: Nullable(Time("When somebody took it")),
  acknowledgedBy: Nullable(Type.String({ description: "Who took it" })),
  note: Nullable(Type.String({ description: "What they said" })),
  resolvedAt: Nullable(Time("When it no longer held")),
});

import Type from "typebox";
import { notificationEvents, severities } from "./contact.ts";
import { Closed, Count, Nullable, OneOf, Time, Uuid } from "./values.ts";

export const deliveryStatuses = ["pending", "delivered", "failed", "cancelled"] as const;

export const Delivery = Closed({
  id: Uuid("Its id: the webhook-id that the receiver got"),
  event: OneOf(notificationEvents, "What it tells of"),
  severity: OneOf(severities, "How bad that is"),
  contact: Type.String({ description: "Whom it goes to" }),
  host: Type.String({ description: "Where to" }),
  status: OneOf(deliveryStatuses, "cancelled: the contact or its webhook was removed"),
  attempts: Count("Tries so far, since it was last sent by hand"),
  lastStatus: Nullable(Type.Integer({ description: "HTTP status of the last answer" })),
  lastError: Nullable(Type.String({ description: "Why the last try failed" })),
  subjectType: Type.String({ description: "What it is about" }),
  subjectId: Type.String({ description: "Which one: an alert's id" }),
  createdAt: Time("When it was written"),
  nextAttemptAt: Nullable(Time("When it is tried next")),
  finishedAt: Nullable(Time("When it arrived or was given up")),
});

export const DeliveryAttempt = Closed({
  at: Time("When it ended"),
  durationMs: Count("How long it took until the answer, in milliseconds"),
  status: Nullable(Type.Integer({ description: "HTTP status of the answer" })),
  error: Nullable(Type.String({ description: "Why it failed" })),
});

/** What became of a try that somebody waited for. */
export const SendResult = Closed({
  host: Type.String({ description: "Where to" }),
  ok: Type.Boolean({ description: "Whether the receiver took it" }),
  error: Nullable(Type.String({ description: "Why it failed" })),
  next: Nullable(Type.String({ description: "The next step" })),
  status: Nullable(Type.Integer({ description: "HTTP status of the answer" })),
  durationMs: Count("Milliseconds until the answer"),
  deliveryId: Uuid("The delivery: the webhook-id that the receiver got"),
});

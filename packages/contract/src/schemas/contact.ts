import Type from "typebox";
import { Closed, Nullable, OneOf, Time, Uuid } from "./values.ts";

/** Whom the operators' guide names, and who is told of breaches. */
export const contactRoles = ["on_call", "escalation", "emergency", "security"] as const;
export type ContactRole = (typeof contactRoles)[number];

/** What webhooks are told of: the `type` of their body. */
export const notificationEvents = [
  "alert.opened",
  "alert.acknowledged",
  "alert.resolved",
  "alert.escalated",
  "audit.checkpoint",
  "incident.opened",
  "contact.test",
] as const;
export type NotificationEvent = (typeof notificationEvents)[number];

/** Of rising weight. */
export const severities = ["info", "warning", "critical"] as const;
export type Severity = (typeof severities)[number];

/** A name as people have them; without what a path, a shell or a terminal would take for something else. */
export const ContactName = Type.String({
  description: "The contact's name",
  minLength: 1,
  maxLength: 60,
  pattern: "^[^\\u0000-\\u0020\\u007f-\\u00a0/;{}<>\"'`$\\\\%?#][^\\u0000-\\u001f\\u007f-\\u009f/;{}<>\"'`$\\\\%?#]*$",
});

export const Channel = Closed({
  host: Type.String({ description: "Where to; the rest of the URL may be a secret and is never shown" }),
  status: OneOf(["ok", "failing", "disabled"], "failing: the last try failed; disabled: it answered 410 Gone"),
  since: Nullable(Time("Since when it fails or is disabled")),
  kind: OneOf(["webhook"], "How it reaches them"),
  id: Uuid("The channel's id"),
});

export const Contact = Closed({
  name: Type.String({ description: "Who" }),
  role: OneOf(contactRoles, "What for"),
  email: Nullable(Type.String({ description: "For people; nothing is sent there" })),
  phone: Nullable(Type.String({ description: "For people; nothing is sent there" })),
  minimumSeverity: OneOf(severities, "What is less severe is not sent"),
  channels: Type.Array(Channel),
  previousSecretUntil: Nullable(Time("Until when the secret before is signed with too")),
  updatedAt: Time("Last change"),
});

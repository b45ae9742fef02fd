import Type from "typebox";
import { Closed, Count, Nullable, OneOf, Time, Uuid } from "./values.ts";

export const errorSources = ["request", "stream", "job"] as const;

export const fingerprintPattern = "^[0-9a-f]{16}$";

const summary = {
  fingerprint: Type.String({ description: "Names the group", pattern: fingerprintPattern }),
  code: Type.String({ description: "The code that callers were answered with" }),
  error: Type.String({ description: "The name and code of what went wrong inside" }),
  source: OneOf(errorSources, "An answer, a document that broke off while it was sent, or background work"),
  route: Type.String({ description: "The route's id, or the name of the background work" }),
  expected: Type.Boolean({ description: "Turned away while at the limit or stopping: no fault of the program" }),
  message: Type.String({ description: "What it said, without ids, numbers, addresses and quoted words" }),
  occurrences: Count("How often"),
  tenants: Type.Integer({ description: "How many tenants met it; 100 means 100 or more", minimum: 0, maximum: 100 }),
  requestId: Nullable(Type.String({ description: "The last request that met it: the API's log has the whole of it" })),
  version: Type.String({ description: "The API's version when it was last seen" }),
  firstSeenAt: Time("When it was first seen"),
  lastSeenAt: Time("When it was last seen"),
  resolvedAt: Nullable(Time("When it was marked as resolved; null once it has come again")),
  resolvedBy: Nullable(Type.String({ description: "By whom" })),
  reopenedAt: Nullable(Time("When it came again after that")),
};

export const ErrorGroup = Closed(summary);

export const ErrorGroupDetails = Closed({
  ...summary,
  stack: Nullable(Type.String({ description: "Where in the program it last happened, innermost first" })),
  tenantIds: Type.Array(Uuid("A tenant"), { description: "Who met it: the first 100", maxItems: 100 }),
});

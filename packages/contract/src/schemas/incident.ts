import Type, { type Static } from "typebox";
import { checkResults } from "../check-result.ts";
import { entryKinds, incidentKinds, stepStates } from "../runbooks.ts";
import { CheckItem } from "./check.ts";
import { Closed, Count, Line, Nullable, OneOf, Slug, TenantRef, Text, Time, Uuid } from "./values.ts";

const AffectedTenant = Closed({ id: Uuid("The tenant"), slug: Slug("The tenant, by name") });

export const IncidentEntry = Closed({
  id: Uuid("Made by whoever recorded it, so that it is recorded once"),
  kind: OneOf(entryKinds, "What happened"),
  step: Nullable(Type.String({ description: "The runbook's step that it is about" })),
  at: Time("When"),
  by: Nullable(Type.String({ description: "Who" })),
  recordedAt: Time("When it was written down here; later than `at` where it was brought in"),
  recordedBy: Nullable(Type.String({ description: "Who wrote it down here" })),
  text: Nullable(Type.String({ description: "What was said" })),
  item: Nullable(CheckItem),
  claimedUntil: Nullable(Time("Of a step that was begun: until when nobody else takes it up")),
});
export type IncidentEntry = Static<typeof IncidentEntry>;

const IncidentStep = Closed({
  id: Type.String({ description: "The step" }),
  guideLine: Type.String({ description: "Its words in the guide" }),
  title: Type.String({ description: "What is done" }),
  state: OneOf(stepStates, "interrupted: begun, and nobody has it any more. person: only a person can finish it"),
  by: Nullable(Type.String({ description: "Who was at it last" })),
  at: Nullable(Time("When that was")),
  claimedUntil: Nullable(Time("Until when it is theirs alone")),
});

const facts = {
  id: Uuid("The incident's id"),
  kind: OneOf(incidentKinds, "Which runbook"),
  title: Nullable(Type.String({ description: "What it is about" })),
  status: OneOf(["open", "closed"], "Where it stands"),
  allTenants: Type.Boolean({ description: "Opened for all tenants that were active then" }),
  openedAt: Time("When it was opened"),
  openedBy: Nullable(Type.String({ description: "By whom" })),
  closedAt: Nullable(Time("When it was closed")),
  closedBy: Nullable(Type.String({ description: "By whom" })),
  summary: Nullable(Type.String({ description: "What it came to" })),
};

export const IncidentSummary = Closed({
  ...facts,
  tenants: Count("Affected tenants"),
  stepsSettled: Count("Steps that are done or skipped"),
  steps: Count("Steps of its runbook"),
});

export const Incident = Closed({
  ...facts,
  tenants: Type.Array(AffectedTenant, { description: "Affected tenants" }),
  unknownTenants: Type.Array(Type.String(), { description: "Named, and not found" }),
  steps: Type.Array(IncidentStep, { description: "The runbook, and where each step stands" }),
  overlaps: Type.Array(
    Closed({
      id: Uuid("Another open incident"),
      kind: OneOf(incidentKinds, "Its runbook"),
      openedAt: Time("Since when"),
      openedBy: Nullable(Type.String({ description: "Who opened it" })),
      tenants: Count("Tenants that both are about"),
    }),
    { description: "Other open incidents of the same kind, or about the same tenants" },
  ),
  entries: Type.Array(IncidentEntry, { description: "The timeline, oldest first" }),
});
export type Incident = Static<typeof Incident>;

const recorded = {
  at: Type.Optional(Time("When it happened; only with recordedAs")),
  recordedAs: Type.Optional(Line("Who did it, where it was written down without the API and is brought in now", 200)),
};

export const NewIncident = Closed({
  id: Type.Optional(Uuid("Made by you: sent twice, it is opened once")),
  kind: OneOf(incidentKinds, "Which runbook"),
  title: Type.Optional(Line("What it is about", 200)),
  tenants: Type.Optional(Type.Array(TenantRef, { maxItems: 10_000, description: "Affected tenants, by id or slug" })),
  all: Type.Optional(Type.Boolean({ description: "All tenants that are not deleted" })),
  ...recorded,
});

/** What a step found, as it is stored: bounded, and without what the database has no place for. */
const EntryItem = Closed({
  id: Line("The step", 60),
  title: Text("For people", 300),
  result: OneOf(checkResults, "What came out"),
  evidence: Type.Array(Text("What was seen", 2000), { maxItems: 500 }),
  next: Nullable(Text("The next command or step", 2000)),
});

export const NewEntry = Closed({
  id: Uuid("Made by you: sent twice, it is recorded once"),
  kind: OneOf(["started", "done", "failed", "skipped", "note"], "What happened"),
  step: Type.Optional(Line("The runbook's step", 60)),
  text: Type.Optional(Text("What was said: a note, the reason for skipping, what a person did", 8000)),
  item: Type.Optional(EntryItem),
  claimant: Type.Optional(Uuid("Of a step that is begun: who holds it; the same one may take it up again")),
  takeOver: Type.Optional(Type.Boolean({ description: "Begin it although somebody else is at it" })),
  again: Type.Optional(Type.Boolean({ description: "Begin it although it is done" })),
  ...recorded,
});

export const Changed = Type.Boolean({ description: "False where it was so already" });

const outcomes = ["suspended", "unchanged", "failed"] as const;

export const ManySuspended = Closed({
  suspended: Count("Tenants that this suspended"),
  unchanged: Count("Tenants that were let in no more already"),
  failed: Count("Tenants that could not be suspended; each is named"),
  tookMs: Type.Number({ description: "Until the last of them was suspended", minimum: 0 }),
  tried: Count("Sessions and tokens that were tried afterwards, as a request on them would be"),
  refused: Count("Of these, how many were refused"),
  tenants: Type.Array(
    Closed({
      tenant: Type.String({ description: "As it was named" }),
      id: Nullable(Type.String({ description: "Its id; null where there is none" })),
      slug: Nullable(Type.String({ description: "Its slug" })),
      outcome: OneOf(outcomes, "What became of it"),
      status: Nullable(Type.String({ description: "Its status now" })),
      sessionsEnded: Count("Logins that this ended"),
      tried: Count("Sessions and tokens of it that were tried"),
      refused: Count("Of these, how many were refused"),
      error: Nullable(Type.String({ description: "Why it failed" })),
    }),
  ),
});

const session = Closed({
  id: Type.String(),
  userId: Type.String(),
  email: Nullable(Type.String()),
  createdAt: Time("Logged in"),
  expiresAt: Time("Would have ended"),
  endedAt: Nullable(Time("Ended")),
  endReason: Nullable(Type.String()),
  address: Nullable(Type.String()),
  userAgent: Nullable(Type.String()),
});
const token = Closed({
  id: Type.String(),
  name: Type.String(),
  scopes: Type.Array(Type.String()),
  createdBy: Type.String(),
  createdAt: Time("Made"),
  expiresAt: Nullable(Time("Expires")),
  revokedAt: Nullable(Time("Revoked")),
  lastUsedAt: Nullable(Time("Used last")),
});

/** What evidence says about credentials and configuration: never a secret, nor what could stand in for one. */
export const IncidentState = Closed({
  at: Time("When this was read"),
  tenants: Type.Array(
    Closed({
      id: Uuid("The tenant"),
      slug: Slug("The tenant, by name"),
      status: Type.String(),
      sessions: Type.Array(session),
      tokens: Type.Array(token),
    }),
  ),
  configuration: Type.Record(Type.String(), Type.Unknown(), {
    description: "Settings, plans, alert rules and contacts; of a secret only whether it is set",
  }),
});

export const evidenceFormat = "tenantctl evidence 1";

export const EvidenceFile = Closed({
  name: Type.String({ minLength: 1, maxLength: 300, pattern: "^[A-Za-z0-9][A-Za-z0-9._/-]*$" }),
  bytes: Count("Its length"),
  sha256: Type.String({ pattern: "^[0-9a-f]{64}$", maxLength: 64 }),
});

export const SealedEvidence = Closed({
  manifest: Type.String({ description: "What is signed, byte for byte: canonical JSON" }),
  signature: Type.String({ description: "Ed25519, base64url" }),
  publicKey: Type.String({ description: "Of the audit log's key, base64url" }),
  keyId: Type.String({ description: "Names that key, as `tenantctl audit key` does" }),
});

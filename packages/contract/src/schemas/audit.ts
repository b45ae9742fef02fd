import Type from "typebox";
import { Closed, Count, Nullable, OneOf, Time, Uuid } from "./values.ts";

export const auditOutcomes = ["success", "failure", "denied"] as const;

export const AuditRow = Closed({
  id: Uuid("The row's id"),
  tenantId: Nullable(Uuid("Whose; null for rows about no tenant")),
  action: Type.String({ description: "A bare verb: create, login, suspend" }),
  resourceType: Type.String({ description: "Of what, singular: customer, session, tenant" }),
  resourceId: Nullable(Type.String({ description: "Which one" })),
  outcome: OneOf(auditOutcomes, "What came of it"),
  actor: Closed({
    type: OneOf(["user", "operator", "token", "system", "local", "anonymous"], "What kind of actor"),
    id: Nullable(Type.String()),
    name: Nullable(Type.String({ description: "E-mail, token name or job" })),
  }),
  address: Nullable(Type.String({ description: "The network address it came from" })),
  requestId: Nullable(Type.String({ description: "The request, as in the answer's x-request-id" })),
  detail: Nullable(Type.String({ description: "Why, or what was refused" })),
  occurrences: Type.Integer({
    description: "Refusals of one kind within a minute are folded into one row",
    minimum: 1,
  }),
  before: Type.Union([Type.Null(), Type.Record(Type.String(), Type.Unknown())], {
    description: "Fields before; gone with the tenant's data",
  }),
  after: Type.Union([Type.Null(), Type.Record(Type.String(), Type.Unknown())], {
    description: "Fields after; gone with the tenant's data",
  }),
  at: Time("When"),
});

/** What a verification can find. */
export const auditProblems = [
  "row_altered",
  "row_missing",
  "row_unsealed",
  "row_backdated",
  "details_altered",
  "seal_altered",
  "seal_missing",
  "tail_missing",
  "head_altered",
  "head_missing",
  "chain_missing",
  "register_altered",
  "key_unknown",
  "sealing_behind",
  "checkpoint_differs",
  "checkpoint_unreadable",
] as const;

const Problem = Closed({
  type: Type.Literal("problem"),
  problem: OneOf(auditProblems, "What kind of fault"),
  tenantId: Nullable(Uuid("Whose chain; null for the system's own, or where the fault is of no chain")),
  sequence: Nullable(Count("The first bad place in the chain")),
  auditId: Nullable(Uuid("The row's id, where it is known")),
  at: Nullable(Type.String({ description: "The row's time, where it is known" })),
  what: Type.String({ description: "What is wrong, in one line" }),
});

const Progress = Closed({
  type: Type.Literal("progress"),
  chains: Count("Chains checked so far"),
  rows: Count("Rows checked so far"),
});

const Result = Closed({
  type: Type.Literal("result"),
  ok: Type.Boolean({ description: "Whether there was no problem" }),
  problems: Count("How many there were, one per chain at the most"),
  chains: Count("Chains checked"),
  rows: Count("Sealed rows checked"),
  detailsErased: Count("Rows whose details went with their tenant's data: as it should be"),
  waiting: Count("Rows too new to be sealed"),
  sealedUntil: Nullable(Time("All that was committed until then is sealed")),
  firstSealedAt: Nullable(Time("When the oldest row that was checked was sealed")),
  droppedBefore: Nullable(Time("Retention dropped the rows before this")),
  keyKept: OneOf(
    ["apart", "database"],
    "Where the key is; in the database its owner could seal anew what they altered, and only checkpoints show that",
  ),
  checkpoints: Nullable(
    Closed({
      statements: Count("Signed statements that were read"),
      heads: Count("Ends of chains in them that agree"),
      beforeRetention: Count("Ends of chains in them that lie in what retention dropped"),
      until: Nullable(Time("When the newest was made")),
    }),
  ),
});

/** What a verification says, in this order: problems and progress as they come, one result at its end. */
export const AuditVerification = Type.Union([Progress, Problem, Result]);

/** The form of a checkpoint; another one would get another name. */
export const checkpointFormat = "tenantctl-audit-checkpoint/1";

/** A signed statement of where chains end. Each can be checked by itself; several parts make up one checkpoint. */
export const AuditCheckpoint = Closed({
  format: Type.Literal(checkpointFormat),
  at: Time("When it was made"),
  since: Count("Chains sealed after this batch are in it, those before in an earlier one"),
  batch: Count("The last batch of seals that it covers"),
  part: Type.Integer({ minimum: 1, description: "Which part of the checkpoint" }),
  parts: Type.Integer({ minimum: 1, description: "Of how many" }),
  chains: Count("Chains there are in all"),
  rows: Count("Rows sealed in all"),
  heads: Type.Array(Type.Tuple([Type.String(), Type.Integer(), Type.String()]), {
    description: "Tenant, sequence and hash (base64url) of the last seal of each chain",
    maxItems: 500,
  }),
  altered: Type.Array(Type.String(), { description: "Chains that were altered: nothing is stated about them" }),
  publicKey: Type.String({ description: "Ed25519, base64url" }),
  signature: Type.String({ description: "Of the JSON text of all above, base64url" }),
});

export const AuditKeyInfo = Closed({
  kept: OneOf(["apart", "database"], "Where the key is: apart from the database, or where its owner can read it"),
  keys: Type.Array(
    Closed({
      id: Type.String({ description: "As in seals" }),
      publicKey: Type.String({ description: "Checks what this key signed: Ed25519, base64url" }),
      current: Type.Boolean({ description: "Seals from now on" }),
    }),
  ),
});

export const AuditRetention = Closed({
  months: Nullable(Type.Integer({ description: "Whole months kept besides this one; null: all" })),
  before: Nullable(Time("Rows before this go")),
  droppedBefore: Nullable(Time("Rows before this went earlier")),
  rows: Count("Rows that go"),
  obstacles: Type.Array(Type.String(), { description: "What keeps them from going" }),
  dropped: Type.Boolean({ description: "Whether they went just now" }),
  dryRun: Type.Boolean({ description: "Whether nothing was to be changed" }),
});

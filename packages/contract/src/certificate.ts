import Type, { type Static } from "typebox";
import { Closed, Count, Nullable, Slug, Time, Uuid } from "./schemas/values.ts";

/** What a hard delete leaves as its result. The digest is over all the rest, so that a copy can be checked anywhere. */
export const DeletionCertificate = Closed({
  operationId: Uuid("The hard delete"),
  tenantId: Uuid("Whose data was removed"),
  slug: Slug("The tenant's name until then"),
  requestedBy: Type.String({ description: "Who asked for it" }),
  startedAt: Time("When it was asked for"),
  finishedAt: Time("When the scan at the end found nothing left"),
  removed: Type.Record(Type.String(), Count("rows"), { description: "Rows removed by table" }),
  scan: Type.Record(Type.String(), Closed({ before: Count("Rows before"), after: Count("Rows after: none") }), {
    description: "The tenant's rows in every protected table, counted by a role that sees all rows, before and after",
  }),
  kept: Type.Array(Type.String(), {
    description: "Tables that keep rows about the tenant by design: the audit log, and how much it was used",
  }),
  backups: Type.Array(
    Closed({
      runId: Type.String({ description: "The run's name, as its folder" }),
      repository: Type.String({ description: "Where, as the reporting host names it" }),
      host: Type.String({ description: "The host that reported it" }),
      snapshotAt: Nullable(Time("The moment that it holds")),
      sha256: Nullable(Type.String({ description: "Of the file as stored" })),
      expiresAt: Type.Optional(
        Nullable(
          Time(
            "When it expires: the first prune from then on removes it. Null: no expiry was recorded, it is kept until it is pruned. Certificates from before there were expiries leave it out",
          ),
        ),
      ),
    }),
    {
      description:
        "Backups that still held the data at finishedAt, as far as they were reported, and when they expire. Copies of a repository report nothing",
    },
  ),
  digest: Type.String({
    description: "SHA-256, in hex, of this as JSON without the digest: keys sorted, no white space",
    pattern: "^[0-9a-f]{64}$",
  }),
});
export type DeletionCertificate = Static<typeof DeletionCertificate>;

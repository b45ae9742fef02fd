import { createHash } from "node:crypto";
import { sql } from "@tenantctl/database";
import type { RawBuilder } from "kysely";
import { jsonTime } from "../json-time.ts";

/** A row of the log as its seal sees it: every column that was written, as text or number. */
export interface SealedRow {
  readonly tenant_id: string;
  readonly at: string;
  readonly id: string;
  readonly action: string;
  readonly resource_type: string;
  readonly resource_id: string | null;
  readonly outcome: string;
  readonly actor_type: string;
  readonly actor_id: string | null;
  readonly actor_name: string | null;
  readonly address: string | null;
  readonly request_id: string | null;
  readonly occurrences: number;
  readonly detail: string | null;
  /** Hex. */
  readonly details_digest: string | null;
}

const content = [
  "action",
  "resource_type",
  "resource_id",
  "outcome",
  "actor_type",
  "actor_id",
  "actor_name",
  "address",
  "request_id",
  "occurrences",
  "detail",
] as const;

/** The columns of a SealedRow that are not its key, of the log as `alias`. */
export const contentColumns = (alias: string): RawBuilder<unknown> =>
  sql`${sql.join(content.map((name) => sql.ref(`${alias}.${name}`)))}, encode(${sql.ref(`${alias}.details_digest`)}, 'hex') as details_digest`;

/** The columns of a SealedRow, of the log as `alias`. */
export const sealedColumns = (alias: string): RawBuilder<unknown> =>
  sql`${sql.ref(`${alias}.tenant_id`)}, ${jsonTime(`${alias}.at`)} as at, ${sql.ref(`${alias}.id`)}, ${contentColumns(alias)}`;

/** SHA-256 of the row. The array's first element names this form; another one would get another number. */
export const rowDigest = (row: SealedRow): string =>
  createHash("sha256")
    .update(
      JSON.stringify([
        1,
        row.tenant_id,
        row.at,
        row.id,
        row.action,
        row.resource_type,
        row.resource_id,
        row.outcome,
        row.actor_type,
        row.actor_id,
        row.actor_name,
        row.address,
        row.request_id,
        row.occurrences,
        row.detail,
        row.details_digest,
      ]),
    )
    .digest("hex");

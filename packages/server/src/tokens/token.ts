import { ContractError } from "@tenantctl/contract";
import { sql } from "@tenantctl/database";
import { jsonTime } from "../json-time.ts";

/** A token as the API shows one. */
export interface TokenRow {
  readonly id: string;
  readonly name: string;
  readonly scopes: string[];
  readonly createdBy: string;
  readonly createdAt: string;
  readonly expiresAt: string;
  readonly revokedAt: string | null;
  readonly lastUsedAt: string | null;
}

/** Most tokens that a list shows: it has no pages, and nobody has this many that are worth keeping. */
export const mostListed = 1000;

/** The columns of `TokenRow`, of a token table under the alias `t`, its maker's name being told. */
export const tokenColumns = (createdBy: string) =>
  sql`t.id, t.name, t.scopes, ${sql.ref(createdBy)} as "createdBy", ${jsonTime("t.created_at")} as "createdAt",
    coalesce(${jsonTime("t.expires_at")}, '9999-12-31T23:59:59.000Z') as "expiresAt",
    ${jsonTime("t.revoked_at")} as "revokedAt", ${jsonTime("t.last_used_at")} as "lastUsedAt"`;

export const noSuchToken = (): ContractError =>
  new ContractError("not_found", "There is no such token.", "`tenantctl tokens list` shows the tokens.");

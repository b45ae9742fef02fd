import { sql } from "@tenantctl/database";
import type { RawBuilder } from "kysely";
import { jsonTime } from "../json-time.ts";
import type { Head, Register, Seal } from "./chain.ts";

/** The tables of seals as the server reads them: hashes as hex, times as the API writes them. */
export const headColumns: RawBuilder<Head> = sql`c.tenant_id, c.sequence, encode(c.hash, 'hex') as hash, c.base_sequence,
  encode(c.base_hash, 'hex') as base_hash, c.batch, c.key_id, encode(c.mac, 'hex') as mac, c.suspect`;

export const registerColumns: RawBuilder<Register> = sql`g.chains, g.rows, g.batch, ${jsonTime("g.dropped_before")} as dropped_before,
  g.key_id, encode(g.mac, 'hex') as mac`;

export const sealColumns: RawBuilder<Seal> = sql`s.tenant_id, s.sequence, s.audit_id, ${jsonTime("s.at")} as at,
  encode(s.row_digest, 'hex') as row_digest, encode(s.hash, 'hex') as hash, s.key_id, s.batch,
  ${jsonTime("s.not_before")} as not_before, ${jsonTime("s.sealed_at")} as sealed_at`;

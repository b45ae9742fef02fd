import { sql } from "@tenantctl/database";
import type { RawBuilder } from "kysely";

/** A column's time as the API writes it: ISO 8601, UTC, milliseconds, Z. Null stays null. */
export const jsonTime = (column: string): RawBuilder<string> =>
  sql<string>`to_char(${sql.ref(column)} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;

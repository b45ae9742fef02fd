import { sql } from "@tenantctl/database";
import type { RawBuilder } from "kysely";

/**
 * What a change answers, built from the rows that it wrote, which are called `name`. Not in RETURNING itself: on Citus only
 * columns and immutable functions may stand there, which making JSON and telling the time are not.
 */
export const written = <R>(change: RawBuilder<unknown>, name: string, columns: RawBuilder<unknown>): RawBuilder<R> =>
  sql<R>`with ${sql.ref(name)} as (${change} returning *) select ${columns} from ${sql.ref(name)}`;

import { build, sql } from "@tenantctl/database";
import type { CompiledQuery, RawBuilder } from "kysely";
import { customerBytes } from "../customers/customer-row.ts";
import { userBytes } from "../users/user-row.ts";

export interface CountedUse {
  readonly resource: "users" | "customers" | "storage_bytes";
  /** What the counter says. */
  readonly counter: number;
  /** What is there. */
  readonly counted: number;
}

/** The offset keeps the weighing below the sum: an aggregate packs the first row that it is given, which then seems lighter. */
const weighed = (table: "users" | "customers", bytes: RawBuilder<number>, tenantId: string) =>
  sql`(select count(*) as rows, coalesce(sum(bytes), 0)::bigint as bytes
    from (select ${bytes} as bytes from app.${sql.raw(table)} where tenant_id = ${tenantId}::uuid offset 0) as w)`;

/**
 * A tenant's counters and what they count, in the order that everybody locks them in. One statement sees one moment, and a
 * change moves a counter in its own transaction: so whatever is different here is drift, though nobody was kept out.
 */
export const countedUse = (tenantId: string): CompiledQuery<CountedUse> =>
  sql<CountedUse>`select k.resource, coalesce(q.used, 0) as counter, k.counted
    from ${weighed("users", userBytes, tenantId)} u cross join ${weighed("customers", customerBytes, tenantId)} c
    cross join lateral (values (1, 'customers', c.rows), (2, 'users', u.rows), (3, 'storage_bytes', u.bytes + c.bytes))
      as k(place, resource, counted)
    left join app.usage_counters q on q.tenant_id = ${tenantId}::uuid and q.resource = k.resource
    order by k.place`.compile(build);

/** The counters that are not what is there. */
export const drifted = (uses: readonly CountedUse[]): CountedUse[] =>
  uses.filter(({ counter, counted }) => counter !== counted);

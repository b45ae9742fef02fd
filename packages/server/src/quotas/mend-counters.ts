import { build, sql, type Transaction } from "@tenantctl/database";
import { type CountedUse, countedUse, drifted } from "./counted-use.ts";
import { noteFilling } from "./note-filling.ts";

/** Taken with a tenant's lock key, so that two recounts never add the same difference twice. */
const recountLock = 7069;

/**
 * Adds to each counter of a tenant what it lacks. Changes of the tenant go on while this counts, for each moves the counter by
 * as much as it moves what is there, so the difference stays what it is; a counter is locked only from its own update to the
 * commit. Answers what had drifted, before. One thing moves the difference: a counter that is too low does not go below 0. So
 * whoever needs it exact asks again until there is none.
 */
export const mendCounters = async (transaction: Transaction, tenantId: string): Promise<CountedUse[]> => {
  await transaction.run(
    sql`select pg_advisory_xact_lock(${sql.lit(recountLock)}, hashtext(${tenantId}))`.compile(build),
  );
  const found = drifted(await transaction.run(countedUse(tenantId)));
  if (found.length === 0) return found;
  await Promise.all(
    found.map(({ resource, counter, counted }) => {
      const missing = sql`${counted - counter}::bigint`;
      return transaction.run(
        sql`insert into app.usage_counters as c (tenant_id, resource, used)
          values (${tenantId}::uuid, ${resource}::text, greatest(${missing}, 0))
          on conflict on constraint usage_counters_pkey do update
            set used = greatest(c.used + ${missing}, 0), counted_at = excluded.counted_at`.compile(build),
      );
    }),
  );
  await Promise.all([
    transaction.run(noteFilling(tenantId)),
    transaction.run(sql`delete from app.quota_drift where tenant_id = ${tenantId}::uuid`.compile(build)),
  ]);
  return found;
};

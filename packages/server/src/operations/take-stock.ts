import { build, type Scope, sql } from "@tenantctl/database";
import type { DeletionStep } from "./deletion-tables.ts";
import { type Claimed, type Entered, enterBatch, withoutTimeout } from "./hard-delete-batch.ts";
import { countByName } from "./start-hard-delete.ts";

/**
 * Counts every row there is to remove, now that no writer can add one, and makes that the plan: the control that the scan
 * at the end is held against. What an earlier process has removed counts too.
 */
export const takeStock = (scope: Scope, claimed: Claimed, steps: readonly DeletionStep[]): Promise<Entered> =>
  scope.transaction(async (transaction) => {
    const entered = await enterBatch(transaction, claimed);
    if (entered !== "ready") return entered;
    await transaction.run(withoutTimeout);
    const there = JSON.stringify(await countByName(transaction, claimed.tenantId, steps));
    await transaction.run(
      sql`update app.operations set heartbeat_at = clock_timestamp(), plan = (
          select jsonb_object_agg(name, coalesce((found ->> name)::bigint, 0) + coalesce((progress ->> name)::bigint, 0))
          from (select ${there}::jsonb as found) as f, jsonb_object_keys(f.found || progress) as name)
        where id = ${claimed.operationId}::uuid`.compile(build),
    );
    return "ready";
  });

import { build, sql, type Transaction } from "@tenantctl/database";
import { alertsById } from "./alert-row.ts";
import type { Evaluation } from "./evaluation.ts";
import { tellOfStep } from "./tell.ts";

/** Alerts that one evaluation of a rule resolves; the rest follow a minute later. */
const mostResolved = 500;

/** Resolves what was not found this time and has been gone for as long as the rule asks. */
export const resolveGone = async (transaction: Transaction, { rule, run, watchedMs }: Evaluation): Promise<void> => {
  const resolved = await transaction.run(
    sql<{
      id: string;
    }>`update app.alerts set status = 'resolved', resolved_at = now(), resolved_ms = ${watchedMs}, page_due_ms = null
      where id in (select id from app.alerts where rule = ${rule.name} and status <> 'resolved' and run <> ${run}
          and ${watchedMs}::bigint - seen_ms >= ${rule.clearAfterSeconds * 1000}::bigint
        order by seen_ms limit ${sql.lit(mostResolved)})
      returning id`.compile(build),
  );
  if (resolved.length === 0) return;
  const alerts = await transaction.run(alertsById(resolved.map(({ id }) => id)));
  await tellOfStep(transaction, "alert.resolved", rule.notify, alerts);
};

import type { ContactRole } from "@tenantctl/contract";
import { build, sql, type Transaction } from "@tenantctl/database";
import { alertsById } from "./alert-row.ts";
import { tellOfStep } from "./tell.ts";

const mostResolved = 500;
const unwatched = sql`not exists (select from app.alert_rules r where r.name = rule and r.enabled)`;

/** Who heard of alerts whose rule is gone: the contacts that hear of most. */
const formerly: readonly ContactRole[] = ["on_call"];

/** Resolves alerts that nothing watches any more, their rule being off or gone, and forgets what was kept for it. */
export const resolveUnwatched = async (transaction: Transaction): Promise<void> => {
  const resolved = await transaction.run(
    sql<{ id: string; notify: readonly ContactRole[] | null }>`update app.alerts
      set status = 'resolved', resolved_at = now(), resolved_by = 'rule off', page_due_ms = null
      where id in (select id from app.alerts where status <> 'resolved' and ${unwatched}
        order by id limit ${sql.lit(mostResolved)} for update skip locked)
      returning id, (select r.notify from app.alert_rules r where r.name = rule) as notify`.compile(build),
  );
  const notified = new Map(resolved.map(({ id, notify }) => [id, notify ?? formerly]));
  const alerts = resolved.length === 0 ? [] : await transaction.run(alertsById([...notified.keys()]));
  for (const alert of alerts)
    await tellOfStep(transaction, "alert.resolved", notified.get(alert.id) ?? formerly, [alert]);
  await transaction.run(
    sql`with stale as (delete from app.alert_pending where ${unwatched})
      delete from app.alert_evaluations where not exists (select from app.alert_rules r where r.name = rule)`.compile(
      build,
    ),
  );
};

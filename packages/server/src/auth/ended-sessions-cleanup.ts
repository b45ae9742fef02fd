import { build, SYSTEM_TENANT_ID, sql, writeAsJob } from "@tenantctl/database";
import type { App } from "../app.ts";
import { asContractError } from "../problem.ts";

/** Rows removed by one statement, and tenants looked at in one run; the next run goes on. */
const batch = 5000;
const mostTenants = 1000;

/** A spent secret is kept a day longer than it could be used, so that its reuse is told from nonsense. */
const over = sql`expires_at < now() - interval '1 day'`;

const globalRemovals = [
  sql`delete from app.operator_sessions where ${over}`,
  sql`delete from app.operator_resets where ${over}`,
  sql`delete from app.login_throttles where window_started_at < now() - interval '1 day' and coalesce(blocked_until, now()) <= now()`,
];

const removeIn = async (app: App, tenantId: string): Promise<void> => {
  const scope = app.db.tenant(tenantId, writeAsJob());
  for (const table of ["app.sessions", "app.password_resets"]) {
    for (let removed = batch; removed === batch; ) {
      const rows = await scope.run(
        sql<{
          count: number;
        }>`with gone as (delete from ${sql.table(table)} where tenant_id = ${tenantId}::uuid and id in (
            select id from ${sql.table(table)} where tenant_id = ${tenantId}::uuid and ${over} limit ${batch}) returning 1)
          select count(*)::int as count from gone`.compile(build),
      );
      removed = rows[0]?.count ?? 0;
    }
  }
};

/** Removes sessions and reset secrets that are long over, and counts of failed logins that no longer matter. */
export const endedSessionsCleanup = async (app: App): Promise<void> => {
  const operators = app.db.operator(undefined, { tenantId: SYSTEM_TENANT_ID });
  for (const removal of globalRemovals) await operators.run(removal.compile(build));
  const tenants = await operators.run(
    sql<{ id: string }>`select tenant_id as id from (
        select distinct tenant_id from app.sessions where ${over} union
        select distinct tenant_id from app.password_resets where ${over}) t limit ${mostTenants}`.compile(build),
  );
  for (const { id } of tenants) {
    try {
      await removeIn(app, id);
    } catch (error) {
      // A tenant that is being deleted or restored: what is left there is removed by that, or by the next run.
      if (asContractError(error).code !== "tenant_busy") throw error;
    }
  }
};

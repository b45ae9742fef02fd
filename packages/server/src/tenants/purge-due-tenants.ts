import { build, sql } from "@tenantctl/database";
import type { App } from "../app.ts";
import { isHeld } from "../holds/legal-hold.ts";
import { stands } from "../maintenance/place.ts";
import { systemInMaintenance } from "../maintenance/system-in-maintenance.ts";
import { readDeletionTables } from "../operations/deletion-tables.ts";
import { runHardDelete } from "../operations/run-hard-delete.ts";
import { startHardDelete } from "../operations/start-hard-delete.ts";

/** Tenants per run: the next run takes the rest. */
const mostAtOnce = 100;

const requester = { actor: { type: "system", id: null, name: "purge" }, address: null, requestId: null } as const;

/** Removes the data of tenants whose time after the soft delete is over. In maintenance nothing goes by the clock. */
export const purgeDueTenants = async (app: App): Promise<void> => {
  const scope = app.db.operator();
  if (await systemInMaintenance(scope)) return;
  const due = await scope.run(
    sql<{ id: string }>`select id from app.tenants t where status = 'deleted' and purge_at <= now() and hold is null
      and not ${isHeld} and not ${stands("t.maintenance")} order by purge_at limit ${mostAtOnce}`.compile(build),
  );
  if (due.length === 0) return;
  const tables = await readDeletionTables(scope);
  for (const { id } of due) {
    if (app.draining) break;
    try {
      const { operation, changed } = await app.db.operator(undefined, { tenantId: id }).transaction((transaction) =>
        startHardDelete(transaction, {
          tenantId: id,
          tables,
          force: false,
          purgeDays: app.settings.purgeDays,
          reason: "its time is over",
          requester,
        }),
      );
      if (changed) await runHardDelete(app, operation.id);
    } catch (err) {
      // Undeleted a moment ago, or failed and said so: the others go on.
      app.log.warn({ err, tenantId: id }, "a tenant that is due was not purged");
    }
  }
};

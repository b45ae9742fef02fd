import { build, readCatalogue, type Scope, sql } from "@tenantctl/database";
import type { App } from "../app.ts";
import { certify } from "./certify.ts";
import { readDeletionTables } from "./deletion-tables.ts";
import { type Claimed, enterBatch, withoutTimeout } from "./hard-delete-batch.ts";
import { auditOf, countByName } from "./start-hard-delete.ts";

/** Stands for the erased name: the row stays as a tombstone for the audit history. */
const erasedName = "(purged)";

const rowsRemoved = (removed: Readonly<Record<string, number>>): string => {
  const tables = Object.entries(removed).filter(([, rows]) => rows > 0);
  const total = tables.reduce((sum, [, rows]) => sum + rows, 0);
  return `${total} rows (${tables.map(([name, rows]) => `${name} ${rows}`).join(", ")})`;
};

/**
 * Scans every protected table once more and, where nothing is left, certifies that and turns the tenant into a tombstone:
 * name and contact erased, slug free, the end audited with what was removed. Throws legal_hold.
 */
export const finishHardDelete = async (
  app: App,
  scope: Scope,
  claimed: Claimed,
): Promise<"finished" | "stopped" | "busy" | { readonly rowsLeft: Readonly<Record<string, number>> }> => {
  const { operationId, tenantId } = claimed;
  const [steps, catalogue] = await Promise.all([
    readDeletionTables(app.db.operator()),
    readCatalogue(app.db.operator()),
  ]);
  const retained = catalogue.tables.filter((table) => table.class === "retained");
  return scope.transaction(async (transaction) => {
    const entered = await enterBatch(transaction, claimed);
    if (entered !== "ready") return entered;
    await transaction.run(withoutTimeout);
    const found = await countByName(transaction, tenantId, steps);
    const left = Object.entries(found).filter(([, rows]) => rows > 0);
    if (left.length > 0) return { rowsLeft: Object.fromEntries(left) };
    const { certificate, requester } = await certify(transaction, claimed, Object.keys(found), retained);
    await Promise.all([
      transaction.run(
        sql`update app.operations set status = 'succeeded', result = ${JSON.stringify(certificate)}::jsonb,
            finished_at = ${certificate.finishedAt}, heartbeat_at = clock_timestamp()
          where id = ${operationId}::uuid`.compile(build),
      ),
      transaction.run(
        sql`update app.tenants set status = 'purged', status_changed_at = now(), updated_at = now(), purged_at = now(),
            purge_at = null, status_reason = null, previous_status = null, name = ${erasedName}, contact_email = null,
            hold = null, maintenance = null
          where id = ${tenantId}::uuid`.compile(build),
      ),
      transaction.run(
        sql`update app.idempotency_keys set response = response || jsonb_build_object('name', ${erasedName}::text, 'contactEmail', '')
          where tenant_id = ${tenantId}::uuid`.compile(build),
      ),
      transaction.run(sql`delete from app.alerts where tenant_id = ${tenantId}::uuid`.compile(build)),
      transaction.run(sql`delete from app.alert_silences where about_tenant = ${tenantId}::uuid`.compile(build)),
      transaction.run(
        auditOf(
          requester,
          "purge",
        )({
          tenantId,
          resourceId: tenantId,
          detail: `hard delete finished, operation ${operationId}: ${rowsRemoved(certificate.removed)}; certificate sha256 ${certificate.digest}`,
        }),
      ),
    ]);
    return "finished";
  });
};

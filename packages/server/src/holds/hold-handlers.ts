import { ContractError, type RouteShape } from "@tenantctl/contract";
import { build, type Scope, sql, type Transaction } from "@tenantctl/database";
import { audited } from "../audit/audited.ts";
import { changedFields } from "../audit/changed-fields.ts";
import type { Call, Handlers } from "../call.ts";
import { operatorEntry } from "../call-scope.ts";
import { findTenantEver } from "../tenants/find-tenant.ts";
import { holdColumns, type LegalHold, readHold } from "./legal-hold.ts";

/** Not the lifecycle's check: a tenant that is being deleted, or is deleted for good, can be put under a hold too. */
const insideTenant = (call: Call<RouteShape>, tenantId: string): Scope =>
  call.app.db.operator(operatorEntry(call.principal, call.route.access), { tenantId });

/**
 * Waits until no hard delete is about to begin or in the middle of a batch. The next batch then meets the hold, so that
 * from the answer on no further row goes.
 */
const betweenBatches = async (transaction: Transaction, tenantId: string): Promise<void> => {
  await transaction.run(sql`select from app.tenants where id = ${tenantId}::uuid for key share`.compile(build));
  await transaction.run(
    sql`select from app.operations where tenant_id = ${tenantId}::uuid and kind = 'hard_delete'
      and status in ('queued', 'running') for update`.compile(build),
  );
};

const store = (tenantId: string, reason: string, setBy: string) =>
  sql<{
    tenant_id: string;
  }>`insert into app.legal_holds as h (tenant_id, reason, set_by) values (${tenantId}::uuid, ${reason}, ${setBy})
    on conflict (tenant_id) do update set reason = excluded.reason, set_by = excluded.set_by, set_at = excluded.set_at
    where h.reason <> excluded.reason returning tenant_id`.compile(build);

const noHold = (): ContractError =>
  new ContractError("not_found", "This tenant is under no legal hold.", "`tenantctl hold list` shows the holds.");

export const holdHandlers: Handlers<"holds.list" | "holds.set" | "holds.release"> = {
  "holds.list": ({ scope }) =>
    scope.run(
      sql<LegalHold>`select ${holdColumns} from app.legal_holds h order by h.set_at desc, h.tenant_id limit 10000`.compile(
        build,
      ),
    ),

  "holds.set": async (call) => {
    const { id } = await findTenantEver(call.scope, call.params.id);
    const { reason } = call.body;
    return insideTenant(call, id).transaction(async (transaction) => {
      await betweenBatches(transaction, id);
      const before = await readHold(transaction, id);
      const [set] = await transaction.run(store(id, reason, call.actor.name ?? call.actor.type));
      const hold = await readHold(transaction, id);
      if (hold === undefined) throw noHold();
      if (set === undefined) return hold;
      const fields = before === undefined ? { before: null, after: { reason } } : changedFields(before, { reason });
      await transaction.run(audited(call, { tenantId: id, resourceId: id, detail: reason, ...fields }));
      return hold;
    });
  },

  "holds.release": async (call) => {
    const { id } = await findTenantEver(call.scope, call.params.id);
    return insideTenant(call, id).transaction(async (transaction) => {
      const hold = await readHold(transaction, id);
      const [released] = await transaction.run(
        sql`delete from app.legal_holds where tenant_id = ${id}::uuid returning tenant_id`.compile(build),
      );
      if (hold === undefined || released === undefined) throw noHold();
      const before = { reason: hold.reason, setBy: hold.setBy, setAt: hold.setAt };
      await transaction.run(audited(call, { tenantId: id, resourceId: id, detail: hold.reason, before, after: null }));
      return hold;
    });
  },
};

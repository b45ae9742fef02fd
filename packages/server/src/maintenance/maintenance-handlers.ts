import type { RouteShape } from "@tenantctl/contract";
import { type Scope, SYSTEM_TENANT_ID } from "@tenantctl/database";
import { audited } from "../audit/audited.ts";
import { changedFields } from "../audit/changed-fields.ts";
import type { Call, Handlers } from "../call.ts";
import { operatorEntry } from "../call-scope.ts";
import { findTenant } from "../tenants/find-tenant.ts";
import { listMaintenance } from "./list-maintenance.ts";
import { type Place, wholeSystem } from "./place.ts";
import { clearMaintenance, isSo, lockMaintenance, setMaintenance } from "./set-maintenance.ts";
import { writesUnderWay } from "./writes-under-way.ts";

const placeOf = async ({ scope }: Call<RouteShape>, reference: string | undefined): Promise<Place> => {
  if (reference === undefined) return wholeSystem;
  const { id, slug } = await findTenant(scope, reference);
  return { tenantId: id, slug };
};

/** Not the lifecycle's check: a tenant that is being restored can be put into maintenance, too. */
const inside = (call: Call<RouteShape>, { tenantId }: Place): Scope =>
  call.app.db.operator(operatorEntry(call.principal, call.route.access), { tenantId: tenantId ?? SYSTEM_TENANT_ID });

const nameOf = ({ actor: { type, name } }: Call<RouteShape>): string =>
  type === "token" ? `token ${name}` : (name ?? type);

export const maintenanceHandlers: Handlers<"maintenance.list" | "maintenance.on" | "maintenance.off"> = {
  "maintenance.list": ({ scope }) => scope.run(listMaintenance),

  "maintenance.on": async (call) => {
    const { body } = call;
    const place = await placeOf(call, body.tenantId);
    const set = await inside(call, place).transaction(async (transaction) => {
      const before = await lockMaintenance(transaction, place);
      if (isSo(before, body)) return { maintenance: before, changed: false };
      const maintenance = await setMaintenance(transaction, place, body, { before, setBy: nameOf(call) });
      const { mode, reason, endsAt } = maintenance;
      const change =
        before === undefined
          ? { before: null, after: { mode, ...(reason === null ? {} : { reason }), endsAt } }
          : changedFields<typeof maintenance>(before, { mode, reason, endsAt });
      await transaction.run(
        audited(call, { tenantId: place.tenantId, resourceId: place.tenantId, detail: reason, ...change }),
      );
      return { maintenance, changed: true };
    });
    // After the commit: who begins to write from here on is refused.
    const left = await writesUnderWay(call.app.db.operator(), place);
    return { ...place, ...set.maintenance, changed: set.changed, writesUnderWay: left };
  },

  "maintenance.off": async (call) => {
    const place = await placeOf(call, call.query.tenantId);
    return inside(call, place).transaction(async (transaction) => {
      const before = await lockMaintenance(transaction, place);
      await clearMaintenance(transaction, place);
      if (before === undefined) return { ...place, changed: false, startedAt: null };
      const { mode, startedAt, reason } = before;
      await transaction.run(
        audited(call, {
          tenantId: place.tenantId,
          resourceId: place.tenantId,
          detail: reason,
          before: { mode, startedAt },
          after: null,
        }),
      );
      return { ...place, changed: true, startedAt };
    });
  },
};

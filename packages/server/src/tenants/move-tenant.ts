import type { ResultOf, Routes, Transition } from "@tenantctl/contract";
import { audited } from "../audit/audited.ts";
import type { Call } from "../call.ts";
import { findTenant } from "./find-tenant.ts";
import { refusePartlyRemoved } from "./hold.ts";
import { lockTenant } from "./lock-tenant.ts";
import { operatorInTenant, transactionOrRehearsal } from "./operator-in-tenant.ts";
import { type Audit, takeStep } from "./take-step.ts";

type Move = Routes["tenants.suspend" | "tenants.reactivate" | "tenants.cancel" | "tenants.undelete"];

/** Suspend, reactivate, cancel, undelete. Throws tenant_not_found, transition_forbidden, tenant_busy. */
export const moveTenant = async (call: Call<Move>, step: Transition): Promise<ResultOf<Move>> => {
  const found = await findTenant(call.scope, call.params.id);
  refusePartlyRemoved(found);
  const dryRun = call.query.dryRun === true;
  return transactionOrRehearsal(operatorInTenant(call, found.id), dryRun, async (transaction) => {
    const before = await lockTenant(transaction, found.id);
    const audit: Audit = (more) => audited(call, more);
    const { tenant, ...change } = await takeStep(transaction, audit, before, {
      step,
      reason: call.body.reason ?? null,
    });
    return { ...tenant, ...change, dryRun };
  });
};

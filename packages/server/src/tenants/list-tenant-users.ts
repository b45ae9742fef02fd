import type { Routes } from "@tenantctl/contract";
import type { Handler } from "../call.ts";
import { pageAnswer } from "../json-page.ts";
import { listUsers } from "../users/user-list.ts";
import { findTenant } from "./find-tenant.ts";

/** A tenant's users, newest first, for operators. */
export const listTenantUsers: Handler<Routes["tenants.users"]> = async (call) => {
  const { id } = await findTenant(call.scope, call.params.id);
  return pageAnswer(call, await call.scope.run(listUsers(id, call.query)));
};

import type { Handlers } from "../call.ts";
import { deleteTenant } from "./delete-tenant.ts";
import { getTenant } from "./get-tenant.ts";
import { listTenantUsers } from "./list-tenant-users.ts";
import { listTenants } from "./list-tenants.ts";
import { moveTenant } from "./move-tenant.ts";
import { provisionTenant } from "./provision-tenant.ts";
import { updateTenant } from "./update-tenant.ts";

export const tenantHandlers: Handlers<
  | "tenants.list"
  | "tenants.get"
  | "tenants.users"
  | "tenants.provision"
  | "tenants.update"
  | "tenants.suspend"
  | "tenants.reactivate"
  | "tenants.cancel"
  | "tenants.delete"
  | "tenants.undelete"
> = {
  "tenants.list": listTenants,
  "tenants.get": getTenant,
  "tenants.users": listTenantUsers,
  "tenants.provision": provisionTenant,
  "tenants.update": updateTenant,
  "tenants.suspend": (call) => moveTenant(call, "suspend"),
  "tenants.reactivate": (call) => moveTenant(call, "reactivate"),
  "tenants.cancel": (call) => moveTenant(call, "cancel"),
  "tenants.delete": deleteTenant,
  "tenants.undelete": (call) => moveTenant(call, "undelete"),
};

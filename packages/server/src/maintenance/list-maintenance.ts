import { build, sql } from "@tenantctl/database";
import { type Maintenance, maintenanceColumns, stands } from "./place.ts";

/** All that stands: the system's first, then tenants by name. */
export const listMaintenance = sql<Maintenance>`select * from (
    select null::uuid as "tenantId", null::text as slug, ${maintenanceColumns}
    from app.system_maintenance p where ${stands("p.maintenance")}
    union all
    select p.id, p.slug, ${maintenanceColumns}
    from app.tenants p where p.maintenance is not null and ${stands("p.maintenance")} and p.status <> 'purged') m
  order by m.slug nulls first limit 10000`.compile(build);

import type { ResultOf, Routes } from "@tenantctl/contract";
import { sql } from "@tenantctl/database";
import type { RawBuilder } from "kysely";

export type Maintenance = ResultOf<Routes["maintenance.list"]>[number];

/** What is in maintenance: a tenant, or with nulls the whole system. */
export interface Place {
  readonly tenantId: string | null;
  readonly slug: string | null;
}

export const wholeSystem: Place = { tenantId: null, slug: null };

/** The row `p` whose column `maintenance` says it. */
export const rowOf = ({ tenantId }: Place): { table: RawBuilder<unknown>; where: RawBuilder<boolean> } =>
  tenantId === null
    ? { table: sql`app.system_maintenance p`, where: sql`p.single` }
    : { table: sql`app.tenants p`, where: sql`p.id = ${tenantId}::uuid` };

/** Whether the maintenance in this column stands: an end that has passed ended it. */
export const stands = (column: string): RawBuilder<boolean> => sql<boolean>`app.maintenance_stands(${sql.ref(column)})`;

/** The maintenance in `p.maintenance` as the API shows it. */
export const maintenanceColumns = sql`p.maintenance ->> 'mode' as mode, p.maintenance ->> 'reason' as reason,
  p.maintenance ->> 'startedAt' as "startedAt", p.maintenance ->> 'endsAt' as "endsAt", p.maintenance ->> 'setBy' as "setBy"`;

/** What the users of the tenant in row `t` are refused by: the stricter of the system's maintenance and their own. null: nothing. */
export const maintenanceOfTenant = sql<Maintenance | null>`(select row_to_json(m) from (
    select null::uuid as "tenantId", null::text as slug, ${maintenanceColumns}
    from app.system_maintenance p where ${stands("p.maintenance")}
    union all
    select p.id, p.slug, ${maintenanceColumns} from app.tenants p where p.id = t.id and ${stands("p.maintenance")}) m
  order by m.mode, m.slug nulls first limit 1)`;

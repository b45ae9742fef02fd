import type { ResultOf, Routes } from "@tenantctl/contract";
import { build, SYSTEM_TENANT_ID, sql } from "@tenantctl/database";
import type { RawBuilder } from "kysely";
import { jsonTime } from "../json-time.ts";

export type Facts = ResultOf<Routes["tenants.get"]>["backup"];

/** Hours after which a tenant counts as having no recent backup. */
export const recentHours = 26;

/** The columns of `app.backup_facts f`, joined to tenants from the left, as the API shows them. */
export const factColumns = sql<Facts>`${jsonTime("last_backup_at")} as "lastBackupAt",
  ${jsonTime("last_verified_at")} as "lastVerifiedAt", ${jsonTime("last_drilled_at")} as "lastDrilledAt",
  last_backup_bytes as "lastBackupBytes"`;

/** The facts of the tenant `t` as one JSON object. */
export const factsOfTenant: RawBuilder<Facts> = sql<Facts>`(select row_to_json(b) from (select ${factColumns}
  from (select) as one left join app.backup_facts f on f.tenant_id = t.id) as b)`;

/** Of a tenant `t`: whether there are data to back up. */
export const isBackedUp = sql<boolean>`t.status <> 'purged' and t.id <> ${sql.lit(SYSTEM_TENANT_ID)}::uuid`;

/** Tenants whose data there is to back up, each with its facts and since when it is without a (newer) backup. */
export const backedUpTenants = sql`(select t.id, t.slug, t.status, t.created_at, f.last_backup_at, f.last_backup_bytes,
    f.last_verified_at, f.last_drilled_at, coalesce(f.last_backup_at, t.created_at) as since
  from app.tenants t left join app.backup_facts f on f.tenant_id = t.id
  where ${isBackedUp})`;

type SystemFacts = ResultOf<Routes["status.get"]>["backups"];

/** What the status screen says of backups. */
export const systemFacts =
  sql<SystemFacts>`select ${jsonTime("oldest")} as "oldestBackupAt", without as "withoutRecentBackup",
    ${jsonTime("verified")} as "lastVerifiedAt", ${jsonTime("drilled")} as "lastDrilledAt"
  from (select min(last_backup_at) as oldest, max(last_verified_at) as verified, max(last_drilled_at) as drilled,
      count(*) filter (where since < now() - make_interval(hours => ${sql.lit(recentHours)})) as without
    from ${backedUpTenants} as b) as totals`.compile(build);

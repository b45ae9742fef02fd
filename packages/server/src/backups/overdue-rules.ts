import { sql } from "@tenantctl/database";
import type { AlertRule, Finding } from "../alerts/rules.ts";
import { backedUpTenants, recentHours } from "./read-facts.ts";

/** How many tenants an alert names. */
const worst = 10;

const backupOverdue: AlertRule = {
  name: "backup_overdue",
  about: `tenants without a backup of the last ${recentHours} hours (new ones: since they were provisioned)`,
  find: sql<Finding>`with late as (
      select b.*, floor(extract(epoch from now() - b.since) / 3600)::bigint as hours from ${backedUpTenants} as b
      where b.since < now() - make_interval(hours => ${sql.lit(recentHours)})),
    worst as (select * from late order by since, id limit ${sql.lit(worst)})
    select 'backup_overdue' as fingerprint, null::uuid as "tenantId", 'critical' as severity,
      format('%s of %s tenants have no backup of the last ${sql.raw(String(recentHours))} hours; longest without: %s, %s hours',
        (select count(*) from late), (select count(*) from ${backedUpTenants} as b), w.slug, w.hours) as summary,
      jsonb_build_object('tenants', (select count(*) from late), 'hours', ${sql.lit(recentHours)}::int, 'worst',
        (select jsonb_agg(jsonb_build_object('slug', slug, 'hours', hours, 'lastBackupAt', last_backup_at) order by since, id)
          from worst)) as evidence,
      'tenantctl backup status' as next
    from worst w order by since, id limit 1`,
};

/** Something that has to be done with any backup every so often; counted from the first tenant where it never was. */
const proofOverdue = (name: string, column: string, days: number, what: string, next: string): AlertRule => ({
  name,
  about: `no backup was ${what} for ${days} days`,
  find: sql<Finding>`select ${sql.lit(name)} as fingerprint, null::uuid as "tenantId", 'warning' as severity,
      case when p.last is null then ${sql.lit(`no backup was ever ${what}`)}
        else format(${sql.lit(`no backup was ${what} for %s days`)}, floor(extract(epoch from now() - p.last) / 86400)) end as summary,
      jsonb_build_object('last', p.last, 'days', ${sql.lit(days)}::int) as evidence, ${sql.lit(next)} as next
    from (select max(${sql.ref(column)}) as last, min(created_at) as first from ${backedUpTenants} as b) as p
    where coalesce(p.last, p.first) < now() - make_interval(days => ${sql.lit(days)})`,
});

/** Alerts about backups that are missing, and about backups that nobody has tried. */
export const overdueRules: readonly AlertRule[] = [
  backupOverdue,
  proofOverdue("verify_overdue", "last_verified_at", 7, "verified", "tenantctl backup verify --latest"),
  proofOverdue("drill_overdue", "last_drilled_at", 35, "restored in a drill", "tenantctl backup drill"),
];

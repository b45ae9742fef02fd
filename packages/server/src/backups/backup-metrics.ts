import { sql } from "@tenantctl/database";
import type { AlertMetric, Reading } from "../alerts/alert-metric.ts";
import { backedUpTenants, isBackedUp } from "./read-facts.ts";

/** How many tenants an alert names. */
const worst = 10;

const backupAge: AlertMetric = {
  unit: "hours",
  about: "since the newest backup of the tenant that is longest without one (a new one: since it was provisioned)",
  comparison: "atLeast",
  cost: "reads every tenant's backup facts, 40 ms of the database for 100,000 tenants",
  find: (threshold) => sql<Reading>`with late as (
      select b.*, greatest(extract(epoch from now() - b.since) / 3600, 0)::float8 as hours from ${backedUpTenants} as b
      where b.since <= now() - make_interval(secs => ${threshold}::float8 * 3600)),
    worst as (select * from late order by since, id limit ${sql.lit(worst)})
    select '' as subject, null::uuid as "tenantId", w.hours as value,
      format('%s of %s tenants have no backup of the last %s hours; longest without: %s, %s hours',
        (select count(*) from late), (select count(*) from ${backedUpTenants} as b), ${threshold}::float8, w.slug,
        floor(w.hours)) as summary,
      jsonb_build_object('tenants', (select count(*) from late), 'hours', ${threshold}::float8, 'worst',
        (select jsonb_agg(jsonb_build_object('slug', slug, 'hours', floor(hours), 'lastBackupAt', last_backup_at) order by since, id)
          from worst)) as evidence,
      'tenantctl backup status' as next
    from worst w order by since, id limit 1`,
};

/** Something that has to be done with any backup every so often; counted from the first tenant where it never was. */
const proofAge = (column: string, what: string, next: string): AlertMetric => ({
  unit: "days",
  about: `since any backup was last ${what} (where none ever was: since the first tenant was provisioned)`,
  comparison: "atLeast",
  cost: "reads the newest of them, and the oldest tenant",
  find: (threshold) => sql<Reading>`select '' as subject, null::uuid as "tenantId", p.days as value,
      case when p.last is null then ${sql.lit(`no backup was ever ${what}`)}
        else format(${sql.lit(`no backup was ${what} for %s days`)}, floor(p.days)) end as summary,
      jsonb_build_object('last', p.last, 'days', ${threshold}::float8) as evidence, ${sql.lit(next)} as next
    from (select l.at as last,
        greatest(extract(epoch from now() - coalesce(l.at, f.at)) / 86400, 0)::float8 as days
      from (select created_at as at from app.tenants t where ${isBackedUp} order by t.created_at, t.id limit 1) f
      left join lateral (select ${sql.ref(column)} as at from app.backup_facts b join app.tenants t on t.id = b.tenant_id
        where ${sql.ref(column)} is not null and ${isBackedUp} order by ${sql.ref(column)} desc limit 1) l on true) as p
    where p.days is not null`,
});

/** Backups that are missing, and backups that nobody has tried. */
export const backupMetrics: Readonly<Record<string, AlertMetric>> = {
  backup_age: backupAge,
  verify_age: proofAge("last_verified_at", "verified", "tenantctl backup verify --latest"),
  drill_age: proofAge("last_drilled_at", "restored in a drill", "tenantctl backup drill"),
};

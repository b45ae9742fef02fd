import { sql } from "@tenantctl/database";
import type { AlertMetric, Reading } from "./alert-metric.ts";

/** How many an alert names. */
const named = 5;

/** PostgreSQL as it is seen from inside. */
export const databaseMetrics: Readonly<Record<string, AlertMetric>> = {
  connections_used: {
    unit: "%",
    about: "connections to PostgreSQL that are open, of those that it allows without its reserve for superusers",
    comparison: "atLeast",
    cost: "counts PostgreSQL's sessions",
    find: () => sql<Reading>`select '' as subject, null::uuid as "tenantId", (c.used * 100.0 / c.most)::float8 as value,
        format('%s of %s connections to PostgreSQL are open', c.used, c.most) as summary,
        jsonb_build_object('used', c.used, 'limit', c.most, 'thisDatabase', c.here) as evidence,
        'tenantctl metrics' as next
      from (select count(*) as used, count(*) filter (where datname = current_database()) as here,
          greatest(current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int, 1) as most
        from pg_stat_activity where backend_type = 'client backend') c`,
  },
  transaction_age: {
    unit: "seconds",
    about: "since the oldest open transaction of this database began",
    comparison: "atLeast",
    cost: "reads PostgreSQL's sessions",
    unavailable: sql<string | null>`case when not app.sees_transactions() then format(
      'PostgreSQL shows other roles'' transactions only to those who may read statistics; as a superuser: grant pg_read_all_stats to %s',
      tenancy.role('owner')) end`,
    find: () => sql<Reading>`select '' as subject, null::uuid as "tenantId", max(o.seconds) as value,
        format('a transaction of %s has been open for %s minutes', (array_agg(o.role order by o.seconds desc))[1],
          floor(max(o.seconds) / 60)) as summary,
        jsonb_build_object('transactions', (jsonb_agg(jsonb_build_object('pid', o.pid, 'role', o.role, 'application', o.application,
          'state', o.state, 'seconds', floor(o.seconds)) order by o.seconds desc))) as evidence,
        'tenantctl operations list --status running' as next
      from (select * from app.open_transactions() order by seconds desc limit ${sql.lit(named)}) o having count(*) > 0`,
  },
  database_size: {
    unit: "GB",
    about: "the size of this database: for a rule of your own where its disk can't be seen",
    comparison: "atLeast",
    cost: "asks the file system for the size of each of the database's files",
    find: () => sql<Reading>`select '' as subject, null::uuid as "tenantId", (d.bytes / 1e9)::float8 as value,
        format('the database takes %s GB', round(d.bytes / 1e9, 1)) as summary, jsonb_build_object('bytes', d.bytes) as evidence,
        'tenantctl metrics' as next
      from (select pg_database_size(current_database()) as bytes) d`,
  },
};

import { build, sql } from "@tenantctl/database";

/** The system on one day. */
export interface DailyFacts {
  readonly day: string;
  readonly tenants: number;
  readonly users: number;
  readonly customers: number;
  readonly rows: number | null;
  readonly bytes: number;
  readonly databaseBytes: number;
  readonly connections: number;
  readonly connectionsLimit: number;
  readonly diskBytes: number | null;
  readonly diskLimitBytes: number | null;
}

/** The days that are kept, at most so many, oldest first. A day to come is from a clock that was wrong. */
export const dailyFacts = (days: number) =>
  sql<DailyFacts>`select to_char(day, 'YYYY-MM-DD') as day, tenants, users, customers, rows, bytes,
      database_bytes as "databaseBytes", connections, connections_limit as "connectionsLimit", disk_bytes as "diskBytes",
      disk_limit_bytes as "diskLimitBytes"
    from app.daily_facts where day > (now() at time zone 'UTC')::date - ${sql.lit(days)} and day <= (now() at time zone 'UTC')::date
    order by day`.compile(build);

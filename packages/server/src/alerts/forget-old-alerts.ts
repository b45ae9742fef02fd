import { build, sql } from "@tenantctl/database";
import type { App } from "../app.ts";

/** Resolved alerts are kept for 400 days, as are the runs of backups; ended silences for 90. */
export const forgetOldAlerts = async ({ db }: Pick<App, "db">): Promise<void> => {
  await db
    .operator()
    .batch([
      sql`delete from app.alerts where status = 'resolved' and resolved_at < now() - interval '400 days'`.compile(
        build,
      ),
      sql`delete from app.alert_silences where coalesce(ended_at, expires_at) < now() - interval '90 days'`.compile(
        build,
      ),
    ]);
};

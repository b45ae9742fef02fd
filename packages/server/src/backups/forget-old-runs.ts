import { build, sql } from "@tenantctl/database";
import type { App } from "../app.ts";

/** Days that verifications and drills are remembered, and backups of which no file is left. */
const keptDays = 400;

/** Runs whose archives are still there are never forgotten: certificates name them. */
export const forgetOldRuns = async ({ db }: App): Promise<void> => {
  await db.operator().run(
    sql`delete from app.backup_runs
      where started_at < now() - make_interval(days => ${keptDays}::int) and (kind <> 'backup' or not exists (
        select from app.backup_items i where i.kind = backup_runs.kind and i.run_id = backup_runs.run_id and i.outcome = 'ok'))`.compile(
      build,
    ),
  );
};

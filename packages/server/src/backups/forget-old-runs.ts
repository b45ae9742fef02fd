import { build, sql } from "@tenantctl/database";
import type { App } from "../app.ts";

/** Days that a run is remembered after its files were removed; verifications and drills after they began. */
const keptDays = 400;

/** Runs whose archives are still there are never forgotten: certificates name them. */
export const forgetOldRuns = async ({ db }: App): Promise<void> => {
  await db.operator().run(
    sql`delete from app.backup_runs
      where case when kind = 'backup' then removed_at else started_at end < now() - make_interval(days => ${keptDays}::int)`.compile(
      build,
    ),
  );
};

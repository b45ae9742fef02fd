import { build, type Scope, sql } from "@tenantctl/database";
import { stands } from "./place.ts";

/** Whether the whole system is in maintenance, of either kind: what removes data by the clock then holds still. */
export const systemInMaintenance = async (scope: Scope): Promise<boolean> => {
  const [row] = await scope.run(
    sql<{ standing: boolean }>`select ${stands("p.maintenance")} as standing from app.system_maintenance p`.compile(
      build,
    ),
  );
  return row?.standing === true;
};

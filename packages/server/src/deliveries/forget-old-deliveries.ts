import { build, sql } from "@tenantctl/database";
import type { App } from "../app.ts";

/** Removes deliveries that ended 30 days ago, with their tries. */
export const forgetOldDeliveries = async ({ db }: App): Promise<void> => {
  await db
    .operator()
    .run(
      sql`delete from app.deliveries where status <> 'pending' and coalesce(finished_at, created_at) < now() - interval '30 days'`.compile(
        build,
      ),
    );
};

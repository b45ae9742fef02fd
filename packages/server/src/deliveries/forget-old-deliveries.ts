import { build, sql } from "@tenantctl/database";
import type { App } from "../app.ts";

const rowsAtOnce = 5000;

const forgetSome = sql<{ id: string }>`delete from app.deliveries where id in (
  select id from app.deliveries where status <> 'pending' and coalesce(finished_at, created_at) < now() - interval '30 days'
  limit ${sql.lit(rowsAtOnce)}) returning id`.compile(build);

/** Removes deliveries that ended 30 days ago, with their tries. */
export const forgetOldDeliveries = async ({ db }: Pick<App, "db">): Promise<void> => {
  let forgotten: number;
  do forgotten = (await db.operator().run(forgetSome)).length;
  while (forgotten === rowsAtOnce);
};

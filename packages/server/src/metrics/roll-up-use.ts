import { build, sql } from "@tenantctl/database";
import type { App } from "../app.ts";

/** One run's time, in milliseconds; what is left the next run does. */
const budgetMs = 50_000;

const rollUp = sql<{ moved: number }>`select app.roll_up_usage() as moved`.compile(build);
const dropOld = sql`select app.drop_old_usage()`.compile(build);

/** Adds old minutes up to hours and old hours to days, slice by slice, each in a transaction of its own; removes what is older. */
export const rollUpUse = async ({ db }: Pick<App, "db">): Promise<void> => {
  const scope = db.operator();
  const end = performance.now() + budgetMs;
  let moved = 1;
  while (moved > 0 && performance.now() < end) moved = (await scope.run(rollUp))[0]?.moved ?? 0;
  await scope.run(dropOld);
};

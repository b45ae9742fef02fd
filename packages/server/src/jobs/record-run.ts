import { build, sql } from "@tenantctl/database";
import type { App } from "../app.ts";

/** Remembers for all processes how a task's run ended. A clock that was wrong once must not make a run look recent for ever. */
export const recordRun = async ({ db }: App, task: string, failure: string | null): Promise<void> => {
  await db.operator().run(
    sql`insert into app.task_runs as r (task, succeeded_at, failing_since, error)
      values (${task}, case when ${failure}::text is null then now() end, case when ${failure}::text is not null then now() end, ${failure})
      on conflict (task) do update set succeeded_at = coalesce(excluded.succeeded_at, r.succeeded_at),
        failing_since = case when excluded.failing_since is not null then coalesce(r.failing_since, excluded.failing_since) end,
        error = excluded.error`.compile(build),
  );
};

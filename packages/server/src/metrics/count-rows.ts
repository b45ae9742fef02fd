import { build, countRows, readCatalogue, SYSTEM_TENANT_ID, sql, writeAsJob } from "@tenantctl/database";
import type { App } from "../app.ts";
import { asContractError } from "../problem.ts";

/** One run's time, in milliseconds: at most that much of each minute goes into counting. */
const budgetMs = 5000;
const atOnce = 500;

/** Tenants not counted today or not for six hours, those never counted first. A count from the future counts as now. */
const due = sql<{ id: string }>`select t.id from app.tenants t
  left join app.tenant_sizes s on s.tenant_id = t.id and s.day = (now() at time zone 'UTC')::date
  where t.id <> ${SYSTEM_TENANT_ID}::uuid and t.status <> 'purged'
    and (s.tenant_id is null or s.counted_at < now() - interval '6 hours' or s.counted_at > now() + interval '1 minute')
  order by s.counted_at nulls first, t.id limit ${sql.lit(atOnce)}`.compile(build);

const store = (tenantId: string, rows: number | null) =>
  sql`insert into app.tenant_sizes as s (tenant_id, day, rows, bytes, counted_at)
    values (${tenantId}::uuid, (now() at time zone 'UTC')::date, ${rows}::bigint,
      app.quota_used(${tenantId}::uuid, 'storage_bytes'), now())
    on conflict on constraint tenant_sizes_pkey do update
      set rows = excluded.rows, bytes = excluded.bytes, counted_at = excluded.counted_at`.compile(build);

/**
 * Counts each tenant's rows in every table that an export holds, adopted ones too, about every six hours. One whose count
 * takes longer than a statement may is noted without a number, so that it does not keep the others waiting.
 */
export const countTenantRows = async ({ db, log }: Pick<App, "db" | "log">): Promise<void> => {
  const scope = db.operator();
  const end = performance.now() + budgetMs;
  const tenants = await scope.run(due);
  if (tenants.length === 0) return;
  const tables = (await readCatalogue(scope)).exported();
  for (const { id } of tenants) {
    if (performance.now() > end) return;
    const rows = await countRows(scope, id, tables).then(
      (counts) => Object.values(counts).reduce((sum, count) => sum + count, 0),
      (err: unknown) => {
        // The database is away: nothing is known, and nothing can be noted.
        if (asContractError(err).code === "database_unavailable") throw err;
        log.warn({ err, tenantId: id }, "rows could not be counted");
        return null;
      },
    );
    await db
      .tenant(id, writeAsJob())
      .run(store(id, rows))
      .catch((error: unknown) => {
        // Being removed or replaced just now: the next run looks again.
        if (!["tenant_not_found", "tenant_busy"].includes(asContractError(error).code)) throw error;
      });
  }
};

import type { Routes } from "@tenantctl/contract";
import { sql } from "@tenantctl/database";
import type { Handler } from "../call.ts";
import { allOf, given, jsonPage, pageAnswer } from "../json-page.ts";
import { jsonTime } from "../json-time.ts";
import { anyText, decodeCursor, defaultPageSize, timeShape } from "../page.ts";
import { findTenantEver } from "../tenants/find-tenant.ts";
import { runColumns } from "./report-run.ts";

/** Reported runs, the newest first; of one tenant those that it was in. */
export const listRuns: Handler<Routes["backups.runs"]> = async (call) => {
  const { kind, tenantId, holding, limit = defaultPageSize, cursor } = call.query;
  const [time = "", lastKind = "", lastId = ""] =
    cursor === undefined ? [] : decodeCursor(cursor, [timeShape, /^[a-z]+$/, anyText]);
  const tenant = tenantId === undefined ? undefined : await findTenantEver(call.scope, tenantId);
  const query = jsonPage({
    columns: runColumns,
    from: sql`app.backup_runs`,
    where: allOf([
      ...given(kind, (only) => sql`kind = ${only}`),
      ...given(
        tenant,
        ({ id }) => sql`exists (select from app.backup_items i where i.kind = backup_runs.kind
          and i.run_id = backup_runs.run_id and i.tenant_id = ${id}::uuid)`,
      ),
      ...given(
        holding || undefined,
        () => sql`kind = 'backup' and exists (select from app.backup_items i where i.kind = backup_runs.kind
          and i.run_id = backup_runs.run_id and i.outcome = 'ok' ${tenant === undefined ? sql`` : sql`and i.tenant_id = ${tenant.id}::uuid`})`,
      ),
      ...given(cursor, () => sql`(started_at, kind, run_id) < (${time}::timestamptz, ${lastKind}, ${lastId})`),
    ]),
    orderBy: sql`started_at desc, kind desc, run_id desc`,
    keys: sql`${jsonTime("started_at")}, kind, run_id`,
    limit,
  });
  return pageAnswer(call, await call.scope.run(query));
};

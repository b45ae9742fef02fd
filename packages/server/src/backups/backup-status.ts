import type { Routes } from "@tenantctl/contract";
import { sql } from "@tenantctl/database";
import type { Handler } from "../call.ts";
import { allOf, given, jsonPage, pageAnswer } from "../json-page.ts";
import { jsonTime } from "../json-time.ts";
import { decodeCursor, defaultPageSize, timeShape, uuidShape } from "../page.ts";
import { backedUpTenants, factColumns } from "./read-facts.ts";

/** When each tenant was last backed up, verified and drilled: the longest without a backup first. */
export const backupStatus: Handler<Routes["backups.status"]> = async (call) => {
  const { olderThanHours, limit = defaultPageSize, cursor } = call.query;
  const [since = "", id = ""] = cursor === undefined ? [] : decodeCursor(cursor, [timeShape, uuidShape]);
  const query = jsonPage({
    columns: sql`id as "tenantId", slug, status, ${jsonTime("created_at")} as "createdAt", ${factColumns}`,
    from: sql`${backedUpTenants} as b`,
    where: allOf([
      ...given(olderThanHours, (hours) => sql`since < now() - make_interval(hours => ${hours}::int)`),
      ...given(cursor, () => sql`(since, id) > (${since}::timestamptz, ${id}::uuid)`),
    ]),
    orderBy: sql`since, id`,
    keys: sql`${jsonTime("since")}, id::text`,
    limit,
  });
  return pageAnswer(call, await call.scope.run(query));
};

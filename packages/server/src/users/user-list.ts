import type { QueryOf, Routes } from "@tenantctl/contract";
import { sql } from "@tenantctl/database";
import type { CompiledQuery } from "kysely";
import { allOf, given, type JsonPage, jsonPage } from "../json-page.ts";
import { jsonTime } from "../json-time.ts";
import { decodeCursor, defaultPageSize, timeShape, uuidShape } from "../page.ts";
import { userColumns } from "./user-row.ts";

/** One page of a tenant's users, newest first. Throws invalid_cursor. */
export const listUsers = (
  tenantId: string,
  { role, limit = defaultPageSize, cursor }: QueryOf<Routes["users.list"]>,
): CompiledQuery<JsonPage> => {
  const [time = "", id = ""] = cursor === undefined ? [] : decodeCursor(cursor, [timeShape, uuidShape]);
  return jsonPage({
    columns: userColumns,
    from: sql`app.users`,
    where: allOf([
      sql`tenant_id = ${tenantId}::uuid`,
      ...given(cursor, () => sql`(created_at, id) < (${time}::timestamptz, ${id}::uuid)`),
      ...given(role, (only) => sql`role = ${only}`),
    ]),
    orderBy: sql`created_at desc, id desc`,
    keys: sql`${jsonTime("created_at")}, id::text`,
    limit,
  });
};

import type { customerSorts, QueryOf, Routes } from "@tenantctl/contract";
import { sql } from "@tenantctl/database";
import type { CompiledQuery, RawBuilder } from "kysely";
import { allOf, given, type JsonPage, jsonPage } from "../json-page.ts";
import { jsonTime } from "../json-time.ts";
import { anyText, decodeCursor, defaultPageSize, timeShape, uuidShape } from "../page.ts";
import { customerColumns } from "./customer-row.ts";

type Sort = (typeof customerSorts)[number];

interface Order {
  readonly orderBy: RawBuilder<unknown>;
  readonly keys: RawBuilder<unknown>;
  readonly shape: readonly RegExp[];
  /** Rows behind the one with these keys. */
  readonly behind: (key: string, id: string) => RawBuilder<unknown>;
}

const timeKeys = sql`${jsonTime("created_at")}, id::text`;
const orders: Readonly<Record<Sort, Order>> = {
  createdAt: {
    orderBy: sql`created_at, id`,
    keys: timeKeys,
    shape: [timeShape, uuidShape],
    behind: (key, id) => sql`(created_at, id) > (${key}::timestamptz, ${id}::uuid)`,
  },
  "-createdAt": {
    orderBy: sql`created_at desc, id desc`,
    keys: timeKeys,
    shape: [timeShape, uuidShape],
    behind: (key, id) => sql`(created_at, id) < (${key}::timestamptz, ${id}::uuid)`,
  },
  name: {
    orderBy: sql`name, id`,
    keys: sql`name, id::text`,
    shape: [anyText, uuidShape],
    behind: (key, id) => sql`(name, id) > (${key}::text, ${id}::uuid)`,
  },
  "-name": {
    orderBy: sql`name desc, id desc`,
    keys: sql`name, id::text`,
    shape: [anyText, uuidShape],
    behind: (key, id) => sql`(name, id) < (${key}::text, ${id}::uuid)`,
  },
};

/** One page of a tenant's customers. Throws invalid_cursor. */
export const listCustomers = (
  tenantId: string,
  { search, sort = "-createdAt", limit = defaultPageSize, cursor }: QueryOf<Routes["customers.list"]>,
): CompiledQuery<JsonPage> => {
  const { orderBy, keys, shape, behind } = orders[sort];
  const [key = "", id = ""] = cursor === undefined ? [] : decodeCursor(cursor, shape);
  return jsonPage({
    columns: customerColumns,
    from: sql`app.customers`,
    where: allOf([
      sql`tenant_id = ${tenantId}::uuid`,
      ...given(cursor, () => behind(key, id)),
      // Not LIKE: what is searched for is text, % and _ included.
      ...given(
        search,
        (part) => sql`(strpos(lower(name), lower(${part}::text)) > 0 or strpos(email, lower(${part}::text)) > 0)`,
      ),
    ]),
    orderBy,
    keys,
    limit,
  });
};

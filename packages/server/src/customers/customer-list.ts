import type { customerSorts, QueryOf, Routes } from "@tenantctl/contract";
import { sql, template } from "@tenantctl/database";
import type { CompiledQuery, RawBuilder } from "kysely";
import { allOf, type JsonPage, pageOf } from "../json-page.ts";
import { jsonTime } from "../json-time.ts";
import { anyText, decodeCursor, defaultPageSize, timeShape, uuidShape } from "../page.ts";
import { customerColumns } from "./customer-row.ts";

type Sort = (typeof customerSorts)[number];

interface Order {
  readonly orderBy: RawBuilder<unknown>;
  readonly keys: RawBuilder<unknown>;
  readonly shape: readonly RegExp[];
  /** Rows behind the one with these keys. */
  readonly behind: (key: RawBuilder<unknown>, id: RawBuilder<unknown>) => RawBuilder<unknown>;
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

type Values = Readonly<Record<"tenantId" | "key" | "id" | "search", string | undefined>>;

/** The statement for each way of asking, composed when it is first asked for; those beyond so many each time. */
const mostKept = 200;
const statements = new Map<string, (values: Values) => CompiledQuery<JsonPage>>();

const compose = (sort: Sort, limit: number, isNext: boolean, isSearch: boolean) => {
  const { orderBy, keys, behind } = orders[sort];
  return template(["tenantId", "key", "id", "search"], ({ tenantId, key, id, search }) =>
    pageOf({
      columns: customerColumns,
      from: sql`app.customers`,
      where: allOf([
        sql`tenant_id = ${tenantId}::uuid`,
        ...(isNext ? [behind(key, id)] : []),
        // Not LIKE: what is searched for is text, % and _ included.
        ...(isSearch
          ? [sql`(strpos(lower(name), lower(${search}::text)) > 0 or strpos(email, lower(${search}::text)) > 0)`]
          : []),
      ]),
      orderBy,
      // The sort first: keys of one order say nothing of a place in another.
      keys: sql`${sql.lit(sort)}, ${keys}`,
      limit,
    }),
  );
};

/** One page of a tenant's customers. Throws invalid_cursor. */
export const listCustomers = (
  tenantId: string,
  { search, sort = "-createdAt", limit = defaultPageSize, cursor }: QueryOf<Routes["customers.list"]>,
): CompiledQuery<JsonPage> => {
  const [, key, id] =
    cursor === undefined ? [] : decodeCursor(cursor, [new RegExp(`^${sort}$`), ...orders[sort].shape]);
  const asked = `${sort} ${limit} ${cursor !== undefined} ${search !== undefined}`;
  let statement = statements.get(asked);
  if (statement === undefined) {
    statement = compose(sort, limit, cursor !== undefined, search !== undefined);
    if (statements.size < mostKept) statements.set(asked, statement);
  }
  return statement({ tenantId, key, id, search });
};

import type { QueryOf, Routes } from "@tenantctl/contract";
import { SYSTEM_TENANT_ID, sql } from "@tenantctl/database";
import type { RawBuilder } from "kysely";
import { decodeCursor, timeShape, uuidShape } from "../page.ts";

type Query = QueryOf<Routes["tenants.list"]>;

/** Sorts behind whatever begins with the text before it. */
const last = "\u{10FFFF}";

/** "Begins with" as a range, which an index serves whatever the text is; nothing in it is a wildcard. */
const beginsWith = (column: RawBuilder<string>, text: string): RawBuilder<boolean> =>
  sql`(${column} ~>=~ lower(${text}::text) and ${column} ~<~ lower(${text + last}::text))`;

/** The condition on `app.tenants t` that a list's query stands for. Throws invalid_cursor. */
export const tenantFilter = ({ status, plan, search, includeDeleted, cursor }: Query): RawBuilder<boolean> => {
  const conditions: RawBuilder<boolean>[] = [sql`t.status <> 'purged'`, sql`t.id <> ${SYSTEM_TENANT_ID}::uuid`];
  if (status !== undefined) conditions.push(sql`t.status = ${status}`);
  else if (includeDeleted !== true) conditions.push(sql`t.status <> 'deleted'`);
  if (plan !== undefined) conditions.push(sql`t.plan = ${plan}`);
  const text = search?.trim().normalize("NFC") ?? "";
  if (text !== "") {
    const columns = [sql<string>`t.slug`, sql<string>`lower(t.name)`, sql<string>`t.contact_email`];
    conditions.push(
      sql`(${sql.join(
        columns.map((column) => beginsWith(column, text)),
        sql` or `,
      )})`,
    );
  }
  if (cursor !== undefined) {
    const [createdAt, id] = decodeCursor(cursor, [timeShape, uuidShape]);
    conditions.push(sql`(t.created_at, t.id) < (${createdAt}::timestamptz, ${id}::uuid)`);
  }
  return sql.join(conditions, sql` and `);
};

import { build, type CatalogueTable, sql } from "@tenantctl/database";
import type { CompiledQuery } from "kysely";

/** Types whose JSON form says all there is to say. Every other type travels as PostgreSQL's own text. */
const sameInJson = /^(text|name|boolean|smallint|integer|uuid|bpchar|character( varying)?(\(\d+\))?)$/;

/** A table as an export shows it. */
export interface ExportedTable {
  /** `users`, or `schema.table` outside of the product's own schema. */
  readonly key: string;
  /** Columns whose values are PostgreSQL's own text in a string. */
  readonly exactText: readonly string[];
  /** A tenant's rows as JSON objects, in the order of the primary key. */
  rows(tenantId: string): CompiledQuery<{ json: string }>;
}

/** How a table leaves: without its secrets, and without tenant_id, which is the same in every row. */
export const exportedTable = ({
  name,
  schema,
  table,
  columns,
  secretColumns,
  primaryKey,
}: CatalogueTable): ExportedTable => {
  const shown = columns.filter((column) => column.name !== "tenant_id" && !secretColumns.includes(column.name));
  const isExact = (type: string): boolean => !sameInJson.test(type);
  const selected = shown.map(({ name: column, type }) =>
    isExact(type) ? sql`t.${sql.id(column)}::text as ${sql.id(column)}` : sql`t.${sql.id(column)}`,
  );
  const key = primaryKey.map((column) => sql`t.${sql.id(column)}`);
  return {
    key: schema === "app" ? table : `${schema}.${table}`,
    exactText: shown.filter(({ type }) => isExact(type)).map((column) => column.name),
    rows: (tenantId) =>
      sql<{ json: string }>`select row_to_json(r.*)::text as json from (
        select ${sql.join(selected)} from ${sql.raw(name)} as t
        where t.tenant_id = ${tenantId}::uuid order by ${sql.join(key)}) as r`.compile(build),
  };
};

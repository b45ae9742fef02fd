import pg from "pg";
import type { CatalogueTable } from "./catalogue.ts";

/** What of a table is copied, and in which order. */
export interface CopyShape {
  /** As it may stand in SQL: "app.users". */
  name: string;
  columns: readonly string[];
  /** The order of the rows; text keys by their bytes, since servers sort differently. */
  key: readonly { name: string; collated: boolean }[];
  /** Only this tenant's rows. */
  tenantId?: string | undefined;
  /** Only rows in which this column is from `from` to `to`, both included. */
  within?: { column: string; from: string; to: string } | undefined;
}

/** A tenant's own columns of a table: without tenant_id, which is the same in every row, and what PostgreSQL computes. */
export const archivedColumns = (table: CatalogueTable): CatalogueTable["columns"] =>
  table.columns.filter(({ name, generated }) => name !== "tenant_id" && !generated);

/** The primary key in the order of an archive: within one tenant. */
export const archivedKey = (table: CatalogueTable): { name: string; collated: boolean }[] =>
  table.primaryKey
    .filter((name) => name !== "tenant_id")
    .map((name) => ({ name, collated: table.columns.find((column) => column.name === name)?.collated === true }));

type Rows = Pick<CopyShape, "tenantId" | "within">;

/** The `COPY … TO STDOUT` whose bytes an archive holds, and whose SHA-256 is the table's digest. */
export const copyStatement = (shape: CopyShape): string => copyStatements(shape)(shape);

/** The same rows in the same order by a statement that PostgreSQL can keep planned; its one parameter is the tenant. */
export const selectStatement = (shape: Omit<CopyShape, keyof Rows>): string =>
  `${selectionOf(shape)} where t.tenant_id = $1::uuid${orderOf(shape)}`;

const selectionOf = ({ name, columns }: Pick<CopyShape, "name" | "columns">): string =>
  `select ${columns.map((column) => `t.${pg.escapeIdentifier(column)}`).join(", ")} from ${name} as t`;

const orderOf = ({ key }: Pick<CopyShape, "key">): string => {
  const order = key.map((part) => `t.${pg.escapeIdentifier(part.name)}${part.collated ? ' collate "C"' : ""}`);
  return order.length === 0 ? "" : ` order by ${order.join(", ")}`;
};

/** The COPY of rows that are named later: what is about the table is composed once, not for each tenant. */
export function copyStatements(shape: Omit<CopyShape, keyof Rows>): (rows: Rows) => string {
  const from = `copy (${selectionOf(shape)}`;
  const to = `${orderOf(shape)}) to stdout`;
  return ({ tenantId, within }) => {
    const conditions = [
      ...(tenantId === undefined ? [] : [`t.tenant_id = ${pg.escapeLiteral(tenantId)}::uuid`]),
      // Literals, of the column's own type: the planner then leaves other partitions alone.
      ...(within === undefined
        ? []
        : [
            `t.${pg.escapeIdentifier(within.column)} between ${pg.escapeLiteral(within.from)} and ${pg.escapeLiteral(within.to)}`,
          ]),
    ];
    return `${from}${conditions.length === 0 ? "" : ` where ${conditions.join(" and ")}`}${to}`;
  };
}

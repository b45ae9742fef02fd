import { build, sql } from "@tenantctl/database";
import type { CompiledQuery, RawBuilder } from "kysely";
import { Answer, JsonText } from "./answer.ts";
import type { Call } from "./call.ts";
import { nextLink } from "./page.ts";

export interface JsonPage {
  /** The rows as a JSON array, in UTF-8. */
  readonly rows: Buffer;
  /** The sort keys of the last row where there are more rows behind it. */
  readonly next: string[] | null;
}

export interface JsonList {
  /** What each row holds, named as in the contract's schema. */
  readonly columns: RawBuilder<unknown>;
  readonly from: RawBuilder<unknown>;
  readonly where: RawBuilder<unknown>;
  readonly orderBy: RawBuilder<unknown>;
  /** The sort keys, as texts. */
  readonly keys: RawBuilder<unknown>;
  readonly limit: number;
}

/**
 * Page sizes that stand in the statement's text. PostgreSQL guesses a bound limit to be a tenth of the table, finds plans for
 * the limits it sees cheaper, and so plans every call anew. Few, since each makes a statement of its own.
 */
const usualLimits: ReadonlySet<number> = new Set([10, 20, 25, 50, 100, 200, 250, 500, 1000]);

/**
 * One statement that answers a page of a list as JSON, and where the next page begins: one row more than the page is
 * read, and only the page's own rows are turned into JSON, only the last one's keys into text.
 */
export const jsonPage = (list: JsonList): CompiledQuery<JsonPage> => pageOf(list).compile(build);

/** The same, to be composed once with a template. */
export const pageOf = ({ columns, from, where, orderBy, keys, limit }: JsonList): RawBuilder<JsonPage> => {
  const number = (value: number) => (usualLimits.has(limit) ? sql.lit(value) : sql`${value}`);
  // The row as a subquery beside it, which PostgreSQL dissolves: one in the select list would be run for each row.
  return sql<JsonPage>`select
    coalesce('[' || string_agg(page_json, ',') filter (where page_row <= ${number(limit)}) || ']', '[]') as "utf8:rows",
    case when count(*) > ${number(limit)} then max(array[${keys}]) filter (where page_row = ${number(limit)}) end as next
  from (select c.*, row_number() over () as page_row
    from (select * from ${from} where ${where} order by ${orderBy} limit ${number(limit + 1)}) as c) as c,
    lateral (select row_to_json(r)::text as page_json from (select ${columns}) as r) as j`;
};

/** A row of the table in scope as the text of a JSON object, for a select list or RETURNING. */
export const jsonRow = (columns: RawBuilder<unknown>): RawBuilder<string> =>
  sql<string>`(select row_to_json(r)::text from (select ${columns}) as r)`;

/** A condition where there is a value for it, else none. */
export const given = <T>(
  value: T | undefined,
  condition: (value: T) => RawBuilder<unknown>,
): readonly RawBuilder<unknown>[] => (value === undefined ? [] : [condition(value)]);

/** All conditions at once. */
export const allOf = (conditions: readonly RawBuilder<unknown>[]): RawBuilder<unknown> =>
  conditions.length === 0 ? sql`true` : sql.join([...conditions], sql` and `);

/** The answer to a list call: its rows, and the next page's address in a Link header. */
export const pageAnswer = <T>(
  call: Pick<Call, "request"> & { query: object },
  pages: readonly JsonPage[],
): Answer<T> => {
  const [page] = pages;
  if (page === undefined) throw new Error("a list statement answers one row");
  const headers = page.next === null ? {} : nextLink(call.request.path, { ...call.query }, page.next);
  return new Answer<T>(200, new JsonText(page.rows), headers);
};

import { ContractError } from "@tenantctl/contract";
import { build, sql } from "@tenantctl/database";
import { Answer, JsonText } from "../answer.ts";
import type { Handlers } from "../call.ts";
import { allOf, given } from "../json-page.ts";
import { anyText, decodeCursor, encodeCursor } from "../page.ts";
import { auditColumns, auditLog } from "./audit-list.ts";

interface Look {
  readonly rows: string;
  readonly count: number;
  readonly shown: string;
  /** False: the cursor is of another database, or this one was set back. */
  readonly known: boolean;
  readonly last: readonly [string, string] | null;
}

const snapshotShape = /^\d{1,19}:\d{1,19}:[\d,]*$/;
const snapshotOrNone = /^(\d{1,19}:\d{1,19}:[\d,]*)?$/;
const newestRows = 10;
const rowsAtOnce = 500;

const asJson = sql`coalesce('[' || string_agg(row_to_json(r)::text, ',' order by c.at, c.id) || ']', '[]')`;

/** The rows with their details: Citus would not look them up for each. */
const detailed = sql`(select n.*, d.before, d.after from n left join (
    select f.* from n join app.audit_details f on f.tenant_id = n.tenant_id and f.audit_id = n.id) d
  on d.tenant_id = n.tenant_id and d.audit_id = n.id)`;

/** Asked by itself, and what it does not show left out: with a tenant's rows Citus would ask their node, whose transactions are others. */
const snapshotNow = sql<{ shown: string }>`select pg_current_snapshot()::text as shown`.compile(build);

const newest = (tenantId: string | null, shown: string, limit: number) =>
  sql<Look>`select ${asJson} as rows, count(*)::int as count, ${shown}::text as shown, true as known, null as last
    from (select * from ${auditLog(tenantId)} l
      where (written_by is null or pg_visible_in_snapshot(written_by, ${shown}::text::pg_snapshot))
        and ${tenantId === null ? sql`true` : sql`tenant_id = ${tenantId}::uuid`}
      order by at desc, id desc limit ${limit}) as c, lateral (select ${auditColumns(tenantId)}) r`.compile(build);

// The tenant is compared as text: a statement about one tenant is run on its shard by Citus, and there the function may ask nothing.
const sinceLook = (tenantId: string | null, keys: readonly string[], limit: number) => {
  const [seen, target, at, id] = keys.map((key) => (key === "" ? null : key));
  return sql<Look>`with here as materialized (select pg_current_snapshot() as shown),
    n as materialized (
      select n.* from here, lateral app.new_audit_rows(${seen}::text::pg_snapshot, coalesce(${target}::text::pg_snapshot, here.shown),
        ${at}::timestamptz, ${id}::uuid, ${limit}) n)
    select (select ${asJson} from ${detailed} as c, lateral (select ${auditColumns(null)}) r
        where ${allOf(given(tenantId ?? undefined, (own) => sql`c.tenant_id::text = ${own}`))}) as rows,
      (select count(*)::int from n) as count, coalesce(${target}::text, (select shown::text from here)) as shown,
      (select pg_snapshot_xmax(${seen}::text::pg_snapshot) <= pg_snapshot_xmax(shown) from here) as known,
      (select array[at::text, id::text] from n order by at desc, id desc limit 1) as last`.compile(build);
};

/**
 * What was committed since the last look. The cursor is what that look could see, so that a row that was written earlier and
 * committed later still comes, and none comes twice: times and ids have no such order.
 */
export const auditTailHandlers: Handlers<"audit.tail"> = {
  "audit.tail": async ({ scope, query, tenantId }) => {
    const { cursor, limit } = query;
    const keys =
      cursor === undefined ? undefined : decodeCursor(cursor, [snapshotShape, snapshotOrNone, anyText, anyText]);
    const most = limit ?? (keys === undefined ? newestRows : rowsAtOnce);
    const [look] =
      keys === undefined
        ? await scope.transaction(async (transaction) => {
            const [now] = await transaction.run(snapshotNow);
            return now === undefined ? [] : transaction.run(newest(tenantId, now.shown, most));
          })
        : await scope.run(sinceLook(tenantId, keys, most));
    if (look === undefined) throw new Error("a look answers one row");
    if (!look.known) {
      throw new ContractError(
        "invalid_cursor",
        "The cursor is of another database, or of this one before it was restored.",
        "Begin anew without a cursor.",
      );
    }
    const more = keys !== undefined && look.count === most;
    const next = more ? [keys[0] ?? "", look.shown, ...(look.last ?? [])] : [look.shown, "", "", ""];
    return new Answer<never>(
      200,
      new JsonText(`{"rows":${look.rows},"cursor":${JSON.stringify(encodeCursor(next))},"more":${more}}`),
    );
  },
};

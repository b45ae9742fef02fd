import type { Routes } from "@tenantctl/contract";
import { type Answer as Answered, build, sql } from "@tenantctl/database";
import { Answer, JsonText } from "../answer.ts";
import type { Call, Handler } from "../call.ts";
import { operatorEntry } from "../call-scope.ts";
import { jsonTime } from "../json-time.ts";
import { cutPage, nextLink } from "../page.ts";
import { pieceStream } from "../snapshot-stream.ts";
import { tenantFilter } from "./tenant-filter.ts";
import { tenantJson } from "./tenant-json.ts";

type List = Routes["tenants.list"];

interface Row {
  readonly json: string;
  readonly createdAt: string;
  readonly id: string;
}

const newestFirst = (query: Call<List>["query"]) =>
  sql<Row>`select ${tenantJson}::text as json, ${jsonTime("t.created_at")} as "createdAt", t.id
    from app.tenants t where ${tenantFilter(query)} order by t.created_at desc, t.id desc`;

/** So that the first row comes at once, and not when all of them have been sorted. */
const inIndexOrder = sql`set local enable_sort = off`.compile(build);

/** Texts that are sent together: fewer would be many small writes, more would lie in memory. */
const pieceLength = 64 * 1024;

/** Rows as they come past the driver, which would keep what it reads for longer than it takes to send it. */
async function* jsonArray(answers: AsyncIterable<Answered>): AsyncGenerator<string> {
  let piece = "[";
  let between = "";
  for await (const answer of answers) {
    if (answer.kind !== "row") continue;
    piece += between + answer.values[0];
    between = ",\n";
    if (piece.length < pieceLength) continue;
    yield piece;
    piece = "";
  }
  yield `${piece}]`;
}

/** All tenants, streamed from one snapshot; with `limit` a page of them. */
export const listTenants: Handler<List> = async (call) => {
  const { limit } = call.query;
  if (limit === undefined) {
    const entry = operatorEntry(call.principal, call.route.access);
    const statements = [inIndexOrder, newestFirst(call.query).compile(build)];
    const body = await pieceStream((fill) => fill(jsonArray(call.app.db.operatorAnswers(entry, statements, []))));
    return new Answer<never>(200, body, { "content-type": "application/json; charset=utf-8" });
  }
  const rows = await call.scope.run(sql<Row>`${newestFirst(call.query)} limit ${limit + 1}`.compile(build));
  const { page, last } = cutPage(rows, limit);
  const headers = last === undefined ? {} : nextLink(call.request.path, call.query, [last.createdAt, last.id]);
  return new Answer<never>(200, new JsonText(`[${page.map(({ json }) => json).join(",\n")}]`), headers);
};

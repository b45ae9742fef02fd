import type { Routes } from "@tenantctl/contract";
import { build, type Snapshot, sql } from "@tenantctl/database";
import { Answer, JsonText } from "../answer.ts";
import type { Call, Handler } from "../call.ts";
import { operatorEntry } from "../call-scope.ts";
import { jsonTime } from "../json-time.ts";
import { cutPage, nextLink } from "../page.ts";
import { snapshotStream } from "../snapshot-stream.ts";
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

async function* jsonArray(snapshot: Snapshot, query: Call<List>["query"]): AsyncGenerator<string> {
  let before = "[";
  for await (const rows of snapshot.stream(newestFirst(query).compile(build))) {
    yield before + rows.map(({ json }) => json).join(",\n");
    before = ",\n";
  }
  yield before === "[" ? "[]" : "]";
}

/** All tenants, streamed from one snapshot; with `limit` a page of them. */
export const listTenants: Handler<List> = async (call) => {
  const { limit } = call.query;
  if (limit === undefined) {
    const entry = operatorEntry(call.principal, call.route.access);
    const body = await snapshotStream(
      (fn) => call.app.db.operatorSnapshot(entry, fn),
      (snapshot) => jsonArray(snapshot, call.query),
    );
    return new Answer<never>(200, body, { "content-type": "application/json; charset=utf-8" });
  }
  const rows = await call.scope.run(sql<Row>`${newestFirst(call.query)} limit ${limit + 1}`.compile(build));
  const { page, last } = cutPage(rows, limit);
  const headers = last === undefined ? {} : nextLink(call.request.path, call.query, [last.createdAt, last.id]);
  return new Answer<never>(200, new JsonText(`[${page.map(({ json }) => json).join(",\n")}]`), headers);
};

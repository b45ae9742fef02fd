import type { ResultOf, Routes } from "@tenantctl/contract";
import { build, type Snapshot, sql } from "@tenantctl/database";
import { Answer } from "../answer.ts";
import type { Handlers } from "../call.ts";
import { memberEntry, operatorEntry } from "../call-scope.ts";
import { inDocumentTurn } from "../export/document-turns.ts";
import { allOf, given } from "../json-page.ts";
import { snapshotStream } from "../snapshot-stream.ts";
import { auditColumns, auditLog } from "./audit-list.ts";
import { jsonLines } from "./json-lines.ts";

type Body = ResultOf<Routes["audit.export"]>;

interface Wanted {
  readonly tenantId: string | null;
  readonly since?: string;
  readonly until?: string;
}

interface Line {
  readonly json: string;
}

/** On Citus the rows come from several servers and are sorted here, by the texts of their times; else an index has them in order. */
const isGathered = sql<{ gathered: boolean }>`select exists (
  select from pg_catalog.pg_extension where extname = 'citus') as gathered`.compile(build);

async function* rowsOf(snapshot: Snapshot, { tenantId, since, until }: Wanted): AsyncGenerator<string> {
  const wanted = allOf([
    ...given(tenantId ?? undefined, (own) => sql`c.tenant_id = ${own}::uuid`),
    ...given(since, (from) => sql`c.at >= ${from}::timestamptz`),
    ...given(until, (before) => sql`c.at < ${before}::timestamptz`),
  ]);
  const [columns, from] = [auditColumns(tenantId), auditLog(tenantId)];
  const [{ gathered } = { gathered: false }] = tenantId === null ? await snapshot.run(isGathered) : [];
  const rows = snapshot.stream(
    gathered
      ? sql<Line>`select row_to_json(r)::text as json from (select ${columns} from ${from} c where ${wanted}) r
          order by r.at, r.id`.compile(build)
      : sql<Line>`select row_to_json(r)::text as json from ${from} c, lateral (select ${columns}) r
          where ${wanted} order by c.at, c.id`.compile(build),
  );
  for await (const batch of rows) for (const { json } of batch) yield json;
}

/** The whole log from one snapshot: a tenant's own, or for an operator that of all tenants. */
export const auditExportHandlers: Handlers<"audit.export"> = {
  "audit.export": async ({ app, principal, query, route, tenantId }) => {
    const wanted = { ...query, tenantId };
    const { db } = app;
    const open = () =>
      snapshotStream(
        (fn) =>
          principal.kind === "user" || principal.kind === "tenantToken"
            ? db.tenantSnapshot(principal.tenantId, memberEntry(principal, route.access, "read"), fn)
            : db.operatorSnapshot(operatorEntry(principal, route.access), fn),
        (snapshot) => jsonLines(rowsOf(snapshot, wanted)),
      );
    const body = await inDocumentTurn(app, principal, open, (opened) => opened);
    return new Answer<Body>(200, body, { "content-type": "application/json; charset=utf-8" });
  },
};

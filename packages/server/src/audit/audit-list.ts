import type { QueryOf, Routes } from "@tenantctl/contract";
import { SYSTEM_TENANT_ID, sql } from "@tenantctl/database";
import type { CompiledQuery } from "kysely";
import { allOf, given, type JsonPage, jsonPage } from "../json-page.ts";
import { jsonTime } from "../json-time.ts";
import { decodeCursor, defaultPageSize, timeShape, uuidShape } from "../page.ts";

type Query = QueryOf<Routes["audit.list"]>;

/** Of one tenant by its id as well: Citus sees by it that both tables' rows are on one shard. */
const details = (column: "before" | "after", tenantId: string) =>
  sql`(select ${sql.ref(`d.${column}`)} from app.audit_details d
    where d.tenant_id = c.tenant_id and d.audit_id = c.id and d.tenant_id = ${tenantId}::uuid)`;

/** The log, of all tenants with each row's details: Citus refuses to look them up for rows that it has gathered. */
export const auditLog = (tenantId: string | null) =>
  tenantId === null
    ? sql`(select l.*, d.before, d.after from app.audit_log l
        left join app.audit_details d on d.tenant_id = l.tenant_id and d.audit_id = l.id)`
    : sql`app.audit_log`;

/** The columns of a row of the log as the API shows it, of `auditLog` as `c`. */
export const auditColumns = (
  tenantId: string | null,
) => sql`id, nullif(tenant_id, ${sql.lit(SYSTEM_TENANT_ID)}) as "tenantId", action,
  resource_type as "resourceType", resource_id as "resourceId", outcome,
  json_build_object('type', actor_type, 'id', actor_id, 'name', actor_name) as actor, address,
  request_id as "requestId", detail, occurrences, ${tenantId === null ? sql`before, after` : sql`${details("before", tenantId)} as before, ${details("after", tenantId)} as after`},
  ${jsonTime("at")} as at`;

/** One page of the audit log, newest first: of one tenant, or with null of all and of what is about none. Throws invalid_cursor. */
export const listAudit = (tenantId: string | null, query: Query): CompiledQuery<JsonPage> => {
  const { limit = defaultPageSize, cursor } = query;
  const [time = "", id = ""] = cursor === undefined ? [] : decodeCursor(cursor, [timeShape, uuidShape]);
  return jsonPage({
    columns: auditColumns(tenantId),
    from: sql`${auditLog(tenantId)} l`,
    where: allOf([
      ...given(tenantId ?? undefined, (own) => sql`tenant_id = ${own}::uuid`),
      // The first half says nothing new, but from it PostgreSQL sees which months it need not look into.
      ...given(cursor, () => sql`at <= ${time}::timestamptz and (at, id) < (${time}::timestamptz, ${id}::uuid)`),
      ...given(query.action, (action) => sql`action = ${action}`),
      ...given(query.resourceType, (type) => sql`resource_type = ${type}`),
      ...given(query.resourceId, (resource) => sql`resource_id = ${resource}`),
      ...given(query.outcome, (outcome) => sql`outcome = ${outcome}`),
      // E-mails are stored in lower case.
      ...given(query.actor, (actor) => sql`(actor_id = ${actor} or actor_name in (${actor}, ${actor.toLowerCase()}))`),
      ...given(query.since, (since) => sql`at >= ${since}::timestamptz`),
      ...given(query.until, (until) => sql`at < ${until}::timestamptz`),
    ]),
    orderBy: sql`at desc, id desc`,
    keys: sql`${jsonTime("at")}, id::text`,
    limit,
  });
};

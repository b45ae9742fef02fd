import type { QueryOf, ResultOf, Routes } from "@tenantctl/contract";
import { build, type Scope, SYSTEM_TENANT_ID, sql } from "@tenantctl/database";
import type { RawBuilder } from "kysely";
import { Answer } from "../answer.ts";
import { allOf, given } from "../json-page.ts";
import { jsonTime } from "../json-time.ts";
import { cutPage, decodeCursor, defaultPageSize, nextLink, timeShape, uuidShape } from "../page.ts";
import { type AuditedChange, changeText } from "./change-text.ts";
import { changes } from "./changes.ts";

type List = Routes["changelog.list"];
type Change = ResultOf<List>[number];

interface Row extends AuditedChange {
  readonly id: string;
  readonly at: string;
  /** Written down by hand; null: made from a row of the audit log. */
  readonly written: string | null;
  readonly operator: string;
  readonly tenantId: string | null;
}

const system = sql.lit(SYSTEM_TENANT_ID);

/** As the index audit_log_changes has it. */
const counted = sql`l.outcome = 'success' and l.resource_type in ('tenant', 'quota', 'plan', 'operator', 'token', 'contact', 'alert_rule', 'alert', 'maintenance', 'incident', 'operation', 'audit_log', 'system') and l.action not in ('export', 'backup')`;

const kinds = Object.entries(changes).flatMap(([type, actions]) =>
  Object.keys(actions).map((action) => `${type} ${action}`),
);

/** Of all that is counted, what has words; tokens only of operators, and nothing that a tenant's own people did. */
const told = sql`${counted} and l.resource_type || ' ' || l.action = any(${kinds}::text[]) and l.actor_type <> 'user'
  and (l.resource_type <> 'token' or l.tenant_id = ${system}::uuid)`;

const nameOfResource = sql`case l.resource_type
  when 'operator' then coalesce((select o.email from app.operators o where o.id::text = l.resource_id), l.resource_id)
  when 'token' then coalesce((select k.name from app.operator_tokens k where k.id::text = l.resource_id), l.resource_id)
  else l.resource_id end`;

const details = (column: "before" | "after") =>
  sql`(select ${sql.ref(`d.${column}`)} from app.audit_details d where d.tenant_id = l.tenant_id and d.audit_id = l.id)`;

const operatorOf = sql`case l.actor_type when 'system' then 'System' when 'token' then concat('token ', l.actor_name)
  else coalesce(l.actor_name, l.actor_type) end`;

/** One page of the change log, newest first. Throws invalid_cursor. */
export const listChanges = async (
  scope: Scope,
  tenantId: string | undefined,
  query: QueryOf<List>,
  path: string,
): Promise<Answer<Change[]>> => {
  const { limit = defaultPageSize, cursor, since, until } = query;
  const [time = "", id = ""] = cursor === undefined ? [] : decodeCursor(cursor, [timeShape, uuidShape]);
  const page = (from: RawBuilder<unknown>, where: RawBuilder<unknown>, tenant: RawBuilder<unknown>) =>
    sql`(select * from ${from} where ${allOf([
      where,
      ...given(tenantId, (own) => sql`${tenant} = ${own}::uuid`),
      ...given(since, (from) => sql`l.at >= ${from}::timestamptz`),
      ...given(until, (to) => sql`l.at < ${to}::timestamptz`),
      // The first half says nothing new, but from it PostgreSQL sees which months it need not look into.
      ...given(cursor, () => sql`l.at <= ${time}::timestamptz and (l.at, l.id) < (${time}::timestamptz, ${id}::uuid)`),
    ])} order by l.at desc, l.id desc limit ${limit + 1})`;
  const rows = await scope.run(
    sql<Row>`select c.*, (select t.slug from app.tenants t where t.id = c."tenantId") as slug from (
        select l.id, l.at as moment, ${jsonTime("l.at")} as at, null as written, l.action, l.resource_type as "resourceType",
          ${nameOfResource} as resource, l.detail, ${details("before")} as before, ${details("after")} as after,
          ${operatorOf} as operator, nullif(l.tenant_id, ${system}::uuid) as "tenantId"
        from ${page(sql`app.audit_log l`, told, sql`l.tenant_id`)} l
        union all
        select l.id, l.at, ${jsonTime("l.at")}, l.change, '', '', null, null, null, null, l.operator, l.about_tenant
        from ${page(sql`app.changelog_entries l`, sql`true`, sql`l.about_tenant`)} l) c
      order by c.moment desc, c.id desc limit ${limit + 1}`.compile(build),
  );
  const { page: shown, last } = cutPage(rows, limit);
  const headers = last === undefined ? {} : nextLink(path, { ...query }, [last.at, last.id]);
  const body = shown.map((row): Change => {
    const { id: entry, at, written, operator, tenantId: whose, slug } = row;
    const source = written === null ? "audit" : "manual";
    return { id: entry, at, change: written ?? changeText(row), operator, tenantId: whose, slug, source };
  });
  return new Answer(200, body, headers);
};

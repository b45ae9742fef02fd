import type { QueryOf, ResultOf, Routes } from "@tenantctl/contract";
import { build, SYSTEM_TENANT_ID, sql } from "@tenantctl/database";
import type { CompiledQuery, RawBuilder } from "kysely";
import { allOf, given, type JsonPage, jsonPage } from "../json-page.ts";
import { jsonTime } from "../json-time.ts";
import { anyText, decodeCursor, defaultPageSize, timeShape, uuidShape } from "../page.ts";

type ListQuery = QueryOf<Routes["accessLog.list"]>;
type SummaryQuery = QueryOf<Routes["accessLog.summary"]>;
export type AccessSum = ResultOf<Routes["accessLog.summary"]>[number];

const systemTenant = sql.lit(SYSTEM_TENANT_ID);
const slugOf = (tenant: string) =>
  sql`(select t.slug from app.tenants t where t.id = ${sql.ref(tenant)} and t.id <> ${systemTenant})`;

const columns = sql`${jsonTime("minute")} as at, nullif(tenant_id, ${systemTenant}) as "tenantId", ${slugOf("tenant_id")} as "tenantSlug",
  json_build_object('type', actor_type, 'id', nullif(actor_id, ''), 'name', actor_name) as actor, route,
  nullif(address, '') as address, requests, first_request_id as "firstRequestId", last_request_id as "lastRequestId"`;

const isUuid = (text: string): boolean => uuidShape.test(text.toLowerCase());

/** The conditions that a list and a summary share; null: of all tenants. */
const filters = (tenantId: string | null, query: SummaryQuery | ListQuery): RawBuilder<unknown>[] => [
  ...given(tenantId ?? undefined, (own) => sql`tenant_id = ${own}::uuid`),
  ...given(query.actor, (actor) =>
    isUuid(actor)
      ? sql`actor_id = ${actor.toLowerCase()}`
      : sql`(actor_name in (${actor}, ${actor.toLowerCase()}) or actor_id = ${actor})`,
  ),
  ...given(query.route, (route) => sql`route = ${route}`),
  ...given(query.address, (address) => sql`address = ${address}`),
  // A row is of a whole minute.
  ...given(query.since, (since) => sql`minute >= date_trunc('minute', ${since}::timestamptz)`),
  ...given(query.until, (until) => sql`minute < ${until}::timestamptz`),
];

/** One page of the access log, newest first. Throws invalid_cursor. */
export const listAccesses = (tenantId: string | null, query: ListQuery): CompiledQuery<JsonPage> => {
  const { limit = defaultPageSize, cursor } = query;
  const shape = [timeShape, uuidShape, anyText, anyText, anyText, anyText];
  const [minute = "", tenant = "", type = "", actor = "", route = "", address = ""] =
    cursor === undefined ? [] : decodeCursor(cursor, shape);
  return jsonPage({
    columns,
    from: sql`app.access_log`,
    where: allOf([
      ...filters(tenantId, query),
      // The first half says nothing new, but from it PostgreSQL sees which days it need not look into.
      ...given(
        cursor,
        () => sql`minute <= ${minute}::timestamptz and (minute, tenant_id, actor_type, actor_id, route, address)
          < (${minute}::timestamptz, ${tenant}::uuid, ${type}, ${actor}, ${route}, ${address})`,
      ),
    ]),
    orderBy: sql`minute desc, tenant_id desc, actor_type desc, actor_id desc, route desc, address desc`,
    keys: sql`${jsonTime("minute")}, tenant_id::text, actor_type, actor_id, route, address`,
    limit,
  });
};

/** By what it is summed up, and how the group is called. */
const groups: Readonly<
  Record<NonNullable<SummaryQuery["by"]>, { readonly key: RawBuilder<unknown>; readonly name: RawBuilder<unknown> }>
> = {
  actor: { key: sql`coalesce(nullif(actor_id, ''), actor_type)`, name: sql`max(actor_name)` },
  address: { key: sql`coalesce(nullif(address, ''), '-')`, name: sql`null::text` },
  route: { key: sql`coalesce(nullif(route, ''), '-')`, name: sql`null::text` },
  tenant: {
    key: sql`case when tenant_id = ${systemTenant} then 'system' else tenant_id::text end`,
    name: sql`null::text`,
  },
};

/** The groups with the most requests. */
export const sumAccesses = (tenantId: string | null, { by = "actor", ...query }: SummaryQuery) => {
  const { key, name } = groups[by];
  // Of the groups that are shown: Citus looks nothing up where it sums up.
  const shown =
    by === "tenant" ? sql`(select t.slug from app.tenants t where t.id = nullif(s.key, 'system')::uuid)` : sql`s.name`;
  return sql<AccessSum>`select s.key, ${shown} as name, s.requests, s.actors, s.tenants, s.addresses,
      ${jsonTime("s.first")} as "firstAt", ${jsonTime("s.last")} as "lastAt"
    from (select ${key} as key, ${name} as name, sum(requests)::bigint as requests,
        count(distinct (actor_type, actor_id)) as actors, count(distinct tenant_id) as tenants,
        count(distinct address) as addresses, min(minute) as first, max(minute) as last
      from app.access_log where ${allOf(filters(tenantId, query))} group by 1) as s
    order by s.requests desc, s.key limit 1000`.compile(build);
};

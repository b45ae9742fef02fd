import { ContractError, type QueryOf, type ResultOf, type Routes } from "@tenantctl/contract";
import { build, sql } from "@tenantctl/database";
import type { CompiledQuery } from "kysely";
import { audited } from "../audit/audited.ts";
import type { Handlers } from "../call.ts";
import { allOf, given, type JsonPage, jsonPage, pageAnswer } from "../json-page.ts";
import { jsonTime } from "../json-time.ts";
import { decodeCursor, defaultPageSize, timeShape } from "../page.ts";

type Details = ResultOf<Routes["errors.get"]>;

const summary = sql`fingerprint, code, error, source, place as route, expected, message, occurrences,
  cardinality(tenant_ids) as tenants, request_id as "requestId", version, ${jsonTime("first_seen_at")} as "firstSeenAt",
  ${jsonTime("last_seen_at")} as "lastSeenAt", ${jsonTime("resolved_at")} as "resolvedAt", resolved_by as "resolvedBy",
  ${jsonTime("reopened_at")} as "reopenedAt"`;
const details = sql<Details>`${summary}, stack, to_json(tenant_ids) as "tenantIds"`;

const fingerprintShape = /^[0-9a-f]{16}$/;

const listErrors = (query: QueryOf<Routes["errors.list"]>): CompiledQuery<JsonPage> => {
  const { limit = defaultPageSize, cursor } = query;
  const [time = "", fingerprint = ""] = cursor === undefined ? [] : decodeCursor(cursor, [timeShape, fingerprintShape]);
  return jsonPage({
    columns: summary,
    from: sql`app.error_groups`,
    where: allOf([
      ...(query.all === true ? [] : [sql`resolved_at is null and not expected`]),
      ...given(cursor, () => sql`(last_seen_at, fingerprint) < (${time}::timestamptz, ${fingerprint})`),
      ...given(query.since, (since) => sql`last_seen_at >= ${since}::timestamptz`),
      ...given(query.route, (route) => sql`place = ${route}`),
      ...given(query.code, (code) => sql`code = ${code}`),
    ]),
    orderBy: sql`last_seen_at desc, fingerprint desc`,
    keys: sql`${jsonTime("last_seen_at")}, fingerprint`,
    limit,
  });
};

const noSuchError = (): ContractError =>
  new ContractError(
    "not_found",
    "There is no such kind of error, or it has not been seen for 90 days.",
    "`tenantctl logs errors --all` lists them.",
  );

/** What went wrong, grouped by kind, for operators. */
export const errorHandlers: Handlers<"errors.list" | "errors.get" | "errors.resolve"> = {
  "errors.list": async (call) => pageAnswer(call, await call.scope.run(listErrors(call.query))),

  "errors.get": async ({ scope, params }) => {
    const [group] = await scope.run(
      sql<Details>`select ${details} from app.error_groups where fingerprint = ${params.fingerprint}`.compile(build),
    );
    if (group === undefined) throw noSuchError();
    return group;
  },

  "errors.resolve": (call) =>
    call.scope.transaction(async (transaction) => {
      const { fingerprint } = call.params;
      const [resolved] = await transaction.run(
        sql<Details>`update app.error_groups set resolved_at = clock_timestamp(), resolved_by = ${call.actor.name ?? call.actor.type}
          where fingerprint = ${fingerprint} and resolved_at is null returning ${details}`.compile(build),
      );
      if (resolved !== undefined) {
        await transaction.run(audited(call, { resourceId: fingerprint, detail: call.body.note ?? null }));
        return resolved;
      }
      const [already] = await transaction.run(
        sql<Details>`select ${details} from app.error_groups where fingerprint = ${fingerprint}`.compile(build),
      );
      if (already === undefined) throw noSuchError();
      return already;
    }),
};

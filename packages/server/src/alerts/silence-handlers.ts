import { ContractError, type ResultOf, type Routes } from "@tenantctl/contract";
import { build, sql } from "@tenantctl/database";
import { v7 as uuidv7 } from "uuid";
import { created } from "../answer.ts";
import { audited } from "../audit/audited.ts";
import type { Handlers } from "../call.ts";
import { allOf, given, jsonPage, pageAnswer } from "../json-page.ts";
import { jsonTime } from "../json-time.ts";
import { decodeCursor, defaultPageSize, timeShape, uuidShape } from "../page.ts";
import { findTenant } from "../tenants/find-tenant.ts";
import { callerName } from "./caller-name.ts";
import { isAbout, stands } from "./silenced.ts";

type Silence = ResultOf<Routes["silences.end"]>;

/** Of a row `s` of app.alert_silences. */
const silenceColumns = sql<Silence>`s.id, s.about_rule as rule,
  (select a.id from app.alerts a where a.fingerprint = s.about_fingerprint order by a.opened_at desc limit 1) as "alertId",
  s.about_tenant as "tenantId", (select t.slug from app.tenants t where t.id = s.about_tenant) as "tenantSlug", s.reason,
  s.created_by as "createdBy", ${jsonTime("s.created_at")} as "createdAt", ${jsonTime("s.expires_at")} as "expiresAt",
  ${jsonTime("s.ended_at")} as "endedAt", s.ended_by as "endedBy", ${stands} as active,
  (select count(*) from app.alerts where status <> 'resolved' and ${stands} and ${isAbout}) as alerts`;

const silenceById = (id: string) =>
  sql<Silence>`select ${silenceColumns} from app.alert_silences s where id = ${id}::uuid`.compile(build);

const noSuch = (what: string, next: string): ContractError =>
  new ContractError("not_found", `There is no such ${what}.`, next);

export const silenceHandlers: Handlers<"silences.list" | "silences.create" | "silences.end"> = {
  "silences.list": async (call) => {
    const { status = "active", cursor, limit = defaultPageSize } = call.query;
    const [createdAt = "", id = ""] = cursor === undefined ? [] : decodeCursor(cursor, [timeShape, uuidShape]);
    const page = jsonPage({
      columns: sql`${silenceColumns} from (select c.*) as s`,
      from: sql`app.alert_silences as s`,
      where: allOf([
        ...(status === "all" ? [] : [stands]),
        ...given(cursor, () => sql`(created_at, id) < (${createdAt}::timestamptz, ${id}::uuid)`),
      ]),
      orderBy: sql`created_at desc, id desc`,
      keys: sql`${jsonTime("created_at")}, id::text`,
      limit,
    });
    return pageAnswer(call, await call.scope.run(page));
  },

  "silences.create": async (call) => {
    const { rule, alertId, tenantId, forSeconds, reason } = call.body;
    if (rule === undefined && alertId === undefined && tenantId === undefined) {
      const message = "is missing, and so are alertId and tenantId";
      throw new ContractError(
        "invalid_request",
        `body.rule ${message}.`,
        "Say what is to be silent: a rule, an alert or a tenant.",
        {
          faults: [{ path: "body.rule", message }],
        },
      );
    }
    const tenant = tenantId === undefined ? null : (await findTenant(call.scope, tenantId)).id;
    return call.scope.transaction(async (transaction) => {
      const [about] = await transaction.run(
        sql<{ rule: boolean; fingerprint: string | null }>`select
          exists (select from app.alert_rules where name = ${rule ?? null}::text) as rule,
          (select fingerprint from app.alerts where id = ${alertId ?? null}::uuid) as fingerprint`.compile(build),
      );
      if (rule !== undefined && about?.rule !== true) {
        throw noSuch("rule", "`tenantctl alerts rules list` shows the rules.");
      }
      if (alertId !== undefined && about?.fingerprint == null) {
        throw noSuch("alert", "`tenantctl alerts list --status all` shows the alerts.");
      }
      const id = uuidv7();
      const [, [row]] = await Promise.all([
        transaction.run(
          sql`insert into app.alert_silences (id, about_rule, about_fingerprint, about_tenant, reason, created_by, expires_at)
              values (${id}::uuid, ${rule ?? null}, ${about?.fingerprint ?? null}, ${tenant}::uuid, ${reason}, ${callerName(call)},
                now() + make_interval(secs => ${forSeconds}::float8))`.compile(build),
        ),
        transaction.run(silenceById(id)),
        transaction.run(
          audited(call, { resourceId: id, detail: reason, after: { rule, alertId, tenantId: tenant, forSeconds } }),
        ),
      ]);
      if (row === undefined) throw new Error("an insert returned nothing");
      return created(row);
    });
  },

  "silences.end": (call) =>
    call.scope.transaction(async (transaction) => {
      const id = call.params.id.toLowerCase();
      const [ended] = await transaction.run(
        sql<{ reason: string }>`update app.alert_silences s set ended_at = now(), ended_by = ${callerName(call)}
          where id = ${id}::uuid and ${stands} returning reason`.compile(build),
      );
      if (ended !== undefined) {
        await transaction.run(
          audited(call, { resourceId: id, detail: ended.reason, before: { active: true }, after: { active: false } }),
        );
      }
      const [row] = await transaction.run(silenceById(id));
      if (row === undefined) throw noSuch("silence", "`tenantctl alerts silences` shows those that stand.");
      return row;
    }),
};

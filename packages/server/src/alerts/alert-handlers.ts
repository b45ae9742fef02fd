import { ContractError, type RouteShape } from "@tenantctl/contract";
import { build, SYSTEM_TENANT_ID, sql, type Transaction } from "@tenantctl/database";
import { audited } from "../audit/audited.ts";
import type { Call, Handlers } from "../call.ts";
import { allOf, jsonPage, pageAnswer } from "../json-page.ts";
import { jsonTime } from "../json-time.ts";
import { decodeCursor, defaultPageSize, timeShape, uuidShape } from "../page.ts";
import { findTenant } from "../tenants/find-tenant.ts";
import { operatorInTenant } from "../tenants/operator-in-tenant.ts";
import { type Alert, alertColumns } from "./alert-row.ts";

const noSuchAlert = (): ContractError =>
  new ContractError("not_found", "There is no such alert.", "`tenantctl alerts list --status all` shows the alerts.");

/** The alert, locked until the transaction ends. Throws not_found. */
const lockAlert = async (transaction: Transaction, id: string): Promise<Alert> => {
  const [alert] = await transaction.run(
    sql<Alert>`select ${alertColumns} from app.alerts where id = ${id}::uuid for update`.compile(build),
  );
  if (alert === undefined) throw noSuchAlert();
  return alert;
};

/** Changes an alert, with its audit row: alerts are the operators' business, so it is about no tenant. */
const change = async (
  call: Call<RouteShape>,
  transaction: Transaction,
  before: Alert,
  set: ReturnType<typeof sql>,
  note: string | undefined,
): Promise<Alert> => {
  const after = { status: call.route.audit?.action === "resolve" ? "resolved" : "acknowledged" };
  const [rows] = await Promise.all([
    transaction.run(
      sql<Alert>`update app.alerts set ${set}, note = coalesce(${note ?? null}::text, note)
        where id = ${before.id}::uuid returning ${alertColumns}`.compile(build),
    ),
    transaction.run(
      audited(call, {
        tenantId: null,
        resourceId: before.id,
        detail: before.summary,
        before: { status: before.status, ...(note === undefined ? {} : { note: before.note }) },
        after: { ...after, ...(note === undefined ? {} : { note }) },
      }),
    ),
  ]);
  const [alert] = rows;
  if (alert === undefined) throw noSuchAlert();
  return alert;
};

const callerName = ({ actor }: Call<RouteShape>) =>
  actor.tokenHash === undefined
    ? sql`${actor.name}::text`
    : sql`(select 'token ' || name from app.operator_tokens where token_hash = ${actor.tokenHash})`;

export const alertHandlers: Handlers<"alerts.list" | "alerts.acknowledge" | "alerts.resolve"> = {
  "alerts.list": async (call) => {
    const { status, tenantId, cursor, limit = defaultPageSize } = call.query;
    const where =
      status === undefined ? [sql`status <> 'resolved'`] : status === "all" ? [] : [sql`status = ${status}`];
    if (tenantId !== undefined) where.push(sql`tenant_id = ${(await findTenant(call.scope, tenantId)).id}::uuid`);
    if (cursor !== undefined) {
      const [openedAt, id] = decodeCursor(cursor, [timeShape, uuidShape]);
      where.push(sql`(opened_at, id) < (${openedAt}::timestamptz, ${id}::uuid)`);
    }
    const page = jsonPage({
      columns: alertColumns,
      from: sql`app.alerts`,
      where: allOf(where),
      orderBy: sql`opened_at desc, id desc`,
      keys: sql`${jsonTime("opened_at")}, id::text`,
      limit,
    });
    return pageAnswer(call, await call.scope.run(page));
  },

  "alerts.acknowledge": (call) =>
    operatorInTenant(call, SYSTEM_TENANT_ID).transaction(async (transaction) => {
      const alert = await lockAlert(transaction, call.params.id);
      const { note } = call.body;
      if (alert.status === "resolved") {
        throw new ContractError(
          "alert_resolved",
          "This alert is resolved already.",
          "`tenantctl alerts list` shows those that are not.",
        );
      }
      if (alert.status === "acknowledged" && (note === undefined || note === alert.note)) return alert;
      const set = sql`status = 'acknowledged', acknowledged_at = now(), acknowledged_by = ${callerName(call)}`;
      return change(call, transaction, alert, set, note);
    }),

  "alerts.resolve": (call) =>
    operatorInTenant(call, SYSTEM_TENANT_ID).transaction(async (transaction) => {
      const alert = await lockAlert(transaction, call.params.id);
      if (alert.status === "resolved") return alert;
      return change(call, transaction, alert, sql`status = 'resolved', resolved_at = now()`, call.body.note);
    }),
};

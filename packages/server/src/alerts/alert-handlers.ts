import { type ContactRole, ContractError, type ResultOf, type RouteShape, type Routes } from "@tenantctl/contract";
import { build, SYSTEM_TENANT_ID, sql, type Transaction } from "@tenantctl/database";
import { audited } from "../audit/audited.ts";
import type { Call, Handlers } from "../call.ts";
import { deliverDue } from "../deliveries/deliver-due.ts";
import { allOf, given, jsonPage, pageAnswer } from "../json-page.ts";
import { jsonTime } from "../json-time.ts";
import { decodeCursor, defaultPageSize, timeShape, uuidShape } from "../page.ts";
import { findTenant } from "../tenants/find-tenant.ts";
import { operatorInTenant } from "../tenants/operator-in-tenant.ts";
import { type Alert, alertColumns, alertsById } from "./alert-row.ts";
import { callerName } from "./caller-name.ts";
import { tellOfStep } from "./tell.ts";

type Change = ResultOf<Routes["alerts.acknowledge"]>;

const noSuchAlert = (): ContractError =>
  new ContractError("not_found", "There is no such alert.", "`tenantctl alerts list --status all` shows the alerts.");

interface Locked extends Alert {
  /** Whether the caller is who has taken it. */
  readonly mine: boolean;
  /** Who hears of it. */
  readonly notify: readonly ContactRole[];
}

/** The alert, locked until the transaction ends. Throws not_found. */
const lockAlert = async (call: Call<RouteShape>, transaction: Transaction, id: string): Promise<Locked> => {
  const [alert] = await transaction.run(
    sql<Locked>`select ${alertColumns}, acknowledged_by is not distinct from ${callerName(call)} as mine,
        coalesce((select r.notify from app.alert_rules r where r.name = rule), '{}') as notify
      from app.alerts where id = ${id}::uuid for update`.compile(build),
  );
  if (alert === undefined) throw noSuchAlert();
  return alert;
};

/** The alert as it stands, where a step changes nothing. */
const unchanged = ({ mine: _, notify: __, ...alert }: Locked): Change => ({ ...alert, changed: false });

/** Changes an alert, with its audit row: alerts are the operators' business, so it is about no tenant. */
const change = async (
  call: Call<RouteShape>,
  transaction: Transaction,
  before: Locked,
  set: ReturnType<typeof sql>,
  note: string | undefined,
): Promise<Change> => {
  const resolves = call.route.audit?.action === "resolve";
  const status = resolves ? "resolved" : "acknowledged";
  const [, [alert]] = await Promise.all([
    transaction.run(
      sql`update app.alerts set ${set}, page_due_ms = null, note = coalesce(${note ?? null}::text, note)
        where id = ${before.id}::uuid`.compile(build),
    ),
    transaction.run(alertsById([before.id])),
    transaction.run(
      audited(call, {
        tenantId: null,
        resourceId: before.id,
        detail: before.summary,
        before: { status: before.status, ...(note === undefined ? {} : { note: before.note }) },
        after: { status, ...(note === undefined ? {} : { note }) },
      }),
    ),
  ]);
  if (alert === undefined) throw noSuchAlert();
  // A note that is added later is no news to contacts.
  if (before.status !== status) {
    await tellOfStep(transaction, resolves ? "alert.resolved" : "alert.acknowledged", before.notify, [alert]);
  }
  return { ...alert, changed: true };
};

/** Whoever else was paged hears at once that somebody has it, and not at the next minute. */
const told = async <T>(call: Call<RouteShape>, step: (transaction: Transaction) => Promise<T>): Promise<T> => {
  const answer = await operatorInTenant(call, SYSTEM_TENANT_ID).transaction(step);
  void deliverDue(call.app);
  return answer;
};

export const alertHandlers: Handlers<"alerts.list" | "alerts.get" | "alerts.acknowledge" | "alerts.resolve"> = {
  "alerts.list": async (call) => {
    const { status, rule, tenantId, cursor, limit = defaultPageSize } = call.query;
    const tenant = tenantId === undefined ? undefined : await findTenant(call.scope, tenantId);
    const [openedAt = "", id = ""] = cursor === undefined ? [] : decodeCursor(cursor, [timeShape, uuidShape]);
    const page = jsonPage({
      columns: alertColumns,
      from: sql`app.alerts`,
      where: allOf([
        ...(status === "all" ? [] : [status === undefined ? sql`status <> 'resolved'` : sql`status = ${status}`]),
        ...given(rule, (name) => sql`rule = ${name}`),
        ...given(tenant, (found) => sql`tenant_id = ${found.id}::uuid`),
        ...given(cursor, () => sql`(opened_at, id) < (${openedAt}::timestamptz, ${id}::uuid)`),
      ]),
      orderBy: sql`opened_at desc, id desc`,
      keys: sql`${jsonTime("opened_at")}, id::text`,
      limit,
    });
    return pageAnswer(call, await call.scope.run(page));
  },

  "alerts.get": async (call) => {
    const [alert] = await call.scope.run(
      sql<Alert>`select ${alertColumns} from app.alerts where id = ${call.params.id}::uuid`.compile(build),
    );
    if (alert === undefined) throw noSuchAlert();
    return alert;
  },

  "alerts.acknowledge": (call) =>
    told(call, async (transaction) => {
      const alert = await lockAlert(call, transaction, call.params.id);
      const { note } = call.body;
      if (alert.status === "resolved") {
        throw new ContractError(
          "alert_resolved",
          "This alert is resolved already.",
          "`tenantctl alerts list` shows those that are not.",
        );
      }
      if (alert.status === "open") {
        const set = sql`status = 'acknowledged', acknowledged_at = now(), acknowledged_by = ${callerName(call)}`;
        return change(call, transaction, alert, set, note);
      }
      // The first has it; only they say more about it.
      if (!alert.mine || note === undefined || note === alert.note) return unchanged(alert);
      return change(call, transaction, alert, sql`status = 'acknowledged'`, note);
    }),

  "alerts.resolve": (call) =>
    told(call, async (transaction) => {
      const alert = await lockAlert(call, transaction, call.params.id);
      if (alert.status === "resolved") return unchanged(alert);
      const set = sql`status = 'resolved', resolved_at = now(), resolved_by = ${callerName(call)}`;
      return change(call, transaction, alert, set, call.body.note);
    }),
};

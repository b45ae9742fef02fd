import type { ContactRole, NotificationEvent } from "@tenantctl/contract";
import { build, sql, type Transaction } from "@tenantctl/database";
import { enqueueNotifications, type Note } from "../deliveries/enqueue.ts";
import { type Alert, alertColumns } from "./alert-row.ts";
import { weight } from "./alert-rule.ts";
import type { Evaluation } from "./evaluation.ts";
import { isSilenced } from "./silenced.ts";

/** Alerts of a rule that are told of in one evaluation, the worst first: a flood of pages helps nobody. */
const mostTold = 50;
/** Where nobody could be told, contacts may be there later. */
const tryAgainMs = 300_000;

/** What contacts are told of an alert: the alert, as the API shows it. */
export const noteOf = (event: NotificationEvent, roles: readonly ContactRole[], alert: Alert): Note => ({
  event,
  severity: alert.severity,
  roles,
  subject: { type: "alert", id: alert.id },
  payload: { alert },
});

/** Who hears of it beside a rule's own when nobody has taken it. */
const escalationRoles = ({ severity }: Alert): readonly ContactRole[] =>
  severity === "critical" ? ["escalation", "emergency"] : ["escalation"];

const due = ({ rule }: Evaluation, condition: ReturnType<typeof sql>) =>
  sql<Alert>`select ${alertColumns} from app.alerts where rule = ${rule.name} and ${condition} and not ${isSilenced}
    order by ${weight(sql`severity`)} desc, opened_at, id limit ${sql.lit(mostTold)}`.compile(build);

const idsWhere = (alerts: readonly Alert[], told: readonly number[], wanted: boolean): string[] =>
  alerts.filter((_, index) => (told[index] ?? 0) > 0 === wanted).map(({ id }) => id);

/** Tells of alerts that opened, came back for longer, got worse, or whose silence ended. */
export const tellOfOpen = async (transaction: Transaction, evaluation: Evaluation): Promise<void> => {
  const { rule, watchedMs } = evaluation;
  const alerts = await transaction.run(
    due(evaluation, sql`status <> 'resolved' and page_due_ms <= ${watchedMs}::bigint`),
  );
  if (alerts.length === 0) return;
  const told = await enqueueNotifications(
    transaction,
    alerts.map((alert) => noteOf("alert.opened", rule.notify, alert)),
  );
  await transaction.run(
    sql`update app.alerts set tried_ms = coalesce(tried_ms, ${watchedMs}::bigint),
        notified_at = case when id = any (${idsWhere(alerts, told, true)}::uuid[]) then now() else notified_at end,
        page_due_ms = case when id = any (${idsWhere(alerts, told, true)}::uuid[]) then null else ${watchedMs + tryAgainMs}::bigint end
      where id = any (${alerts.map(({ id }) => id)}::uuid[])`.compile(build),
  );
};

/** Tells the next ones of alerts that nobody has taken for as long as the rule allows, once each. */
export const escalateIgnored = async (transaction: Transaction, evaluation: Evaluation): Promise<void> => {
  const { rule, watchedMs } = evaluation;
  if (rule.escalateAfterSeconds === null) return;
  const alerts = await transaction.run(
    due(
      evaluation,
      sql`status = 'open' and escalated_at is null
        and tried_ms + ${rule.escalateAfterSeconds * 1000}::bigint <= ${watchedMs}::bigint`,
    ),
  );
  if (alerts.length === 0) return;
  const told = await enqueueNotifications(
    transaction,
    alerts.map((alert) => noteOf("alert.escalated", escalationRoles(alert), alert)),
  );
  await transaction.run(
    sql`update app.alerts set escalated_at = now() where id = any (${idsWhere(alerts, told, true)}::uuid[])`.compile(
      build,
    ),
  );
};

/**
 * Who heard that an alert is open, or was called to it, hears that somebody has it or that it is over: silenced or not, for
 * whoever was paged must not wait for ever.
 */
export const tellOfStep = async (
  transaction: Transaction,
  event: "alert.acknowledged" | "alert.resolved",
  roles: readonly ContactRole[],
  alerts: readonly Alert[],
): Promise<void> => {
  const notes = alerts
    .map((alert) => {
      const own = alert.notifiedAt === null ? [] : roles;
      const called = alert.escalatedAt === null ? [] : escalationRoles(alert);
      return noteOf(event, [...new Set([...own, ...called])], alert);
    })
    .filter((note) => note.roles.length > 0);
  await enqueueNotifications(transaction, notes);
};

import type { ResultOf, Routes } from "@tenantctl/contract";
import { build, sql } from "@tenantctl/database";
import { jsonTime } from "../json-time.ts";
import { silencedUntil } from "./silenced.ts";

export type Alert = ResultOf<Routes["alerts.get"]>;

/** The columns of a row of `app.alerts` as the API shows them. */
export const alertColumns = sql<Alert>`id, rule, severity, status, tenant_id as "tenantId",
  (select t.slug from app.tenants t where t.id = tenant_id) as "tenantSlug", summary, value, evidence, next_step as next,
  ${jsonTime("opened_at")} as "openedAt", reopened, ${jsonTime("last_seen_at")} as "lastSeenAt",
  ${silencedUntil} as "silencedUntil", ${jsonTime("notified_at")} as "notifiedAt", ${jsonTime("escalated_at")} as "escalatedAt",
  ${jsonTime("acknowledged_at")} as "acknowledgedAt", acknowledged_by as "acknowledgedBy", note,
  ${jsonTime("resolved_at")} as "resolvedAt", resolved_by as "resolvedBy"`;

/** The alerts with these ids, as they are now. To be read behind what changes them: Citus refuses the columns in RETURNING. */
export const alertsById = (ids: readonly string[]) =>
  sql<Alert>`select ${alertColumns} from app.alerts where id = any (${[...ids]}::uuid[])`.compile(build);

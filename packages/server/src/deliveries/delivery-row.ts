import { ContractError } from "@tenantctl/contract";
import { sql } from "@tenantctl/database";
import { jsonTime } from "../json-time.ts";

/** A row of `app.deliveries` as the API lists it. */
export const deliveryColumns = sql`id, event, severity, contact, host, status, attempts, last_status as "lastStatus",
  last_error as "lastError", subject_type as "subjectType", subject_id as "subjectId", ${jsonTime("created_at")} as "createdAt",
  case when status = 'pending' then ${jsonTime("next_attempt_at")} end as "nextAttemptAt", ${jsonTime("finished_at")} as "finishedAt"`;

export const noSuchDelivery = (): ContractError =>
  new ContractError("not_found", "There is no such delivery.", "`tenantctl deliveries list` shows those of 30 days.");

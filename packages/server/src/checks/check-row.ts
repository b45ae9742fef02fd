import type { CheckRun } from "@tenantctl/contract";
import { sql } from "@tenantctl/database";
import { jsonTime } from "../json-time.ts";

const itemsWith = (result: string) =>
  sql`(select count(*) from jsonb_array_elements(items) i where i ->> 'result' = ${sql.lit(result)})`;

/** The worst of the items: as the contract orders them. */
export const worstItem = sql`(select case when bool_or(i ->> 'result' = 'problem') then 'problem' when bool_or(i ->> 'result' = 'warning') then 'warning'
  when bool_or(i ->> 'result' = 'needs_person') then 'needs_person' else 'ok' end from jsonb_array_elements(items) i)`;

/** A row of `app.check_runs` in a list. */
export const summaryColumns = sql<Omit<CheckRun, "items" | "figures">>`id, cadence, ${worstItem} as result,
  ${itemsWith("problem")} as problems, ${itemsWith("warning")} as warnings, ${itemsWith("needs_person")} as "needsPerson",
  ${jsonTime("since")} as since, ${jsonTime("started_at")} as "startedAt", ${jsonTime("finished_at")} as "finishedAt", run_by as by,
  ${jsonTime("signed_off_at")} as "signedOffAt", signed_off_by as "signedOffBy", note`;

/** The whole of it. */
export const runColumns = sql<CheckRun>`${summaryColumns}, items, figures`;

import { sql } from "@tenantctl/database";
import type { Handlers } from "../call.ts";
import { allOf, given, jsonPage, pageAnswer } from "../json-page.ts";
import { jsonTime } from "../json-time.ts";
import { decodeCursor, defaultPageSize, timeShape, uuidShape } from "../page.ts";
import { readIncident, summaryColumns } from "./incident-row.ts";
import { incidentState } from "./incident-state.ts";
import { lookAtDatabase } from "./look-at-database.ts";
import { notifyContacts } from "./notify-contacts.ts";
import { openIncident } from "./open-incident.ts";
import { closeIncident, recordEntry } from "./record-entry.ts";
import { sealEvidence } from "./seal-evidence.ts";
import { suspendMany } from "./suspend-many.ts";

/** Emergencies and their timelines, for operators. */
export const incidentHandlers: Handlers<
  | "incidents.open"
  | "incidents.list"
  | "incidents.system"
  | "incidents.get"
  | "incidents.entry"
  | "incidents.close"
  | "incidents.notify"
  | "incidents.state"
  | "incidents.seal"
  | "tenants.suspendMany"
> = {
  "incidents.open": openIncident,
  "incidents.list": async (call) => {
    const { status = "open", cursor, limit = defaultPageSize } = call.query;
    const [openedAt = "", id = ""] = cursor === undefined ? [] : decodeCursor(cursor, [timeShape, uuidShape]);
    const page = jsonPage({
      columns: summaryColumns,
      from: sql`app.incidents c`,
      where: allOf([
        ...(status === "all" ? [] : [status === "open" ? sql`c.closed_at is null` : sql`c.closed_at is not null`]),
        ...given(cursor, () => sql`(c.opened_at, c.id) < (${openedAt}::timestamptz, ${id}::uuid)`),
      ]),
      orderBy: sql`opened_at desc, id desc`,
      keys: sql`${jsonTime("c.opened_at")}, c.id::text`,
      limit,
    });
    return pageAnswer(call, await call.scope.run(page));
  },
  "incidents.system": ({ scope }) => lookAtDatabase(scope),
  "incidents.get": ({ scope, params }) => readIncident(scope, params.id),
  "incidents.entry": recordEntry,
  "incidents.close": closeIncident,
  "incidents.notify": notifyContacts,
  "incidents.state": incidentState,
  "incidents.seal": sealEvidence,
  "tenants.suspendMany": suspendMany,
};

import type { ResultOf, Routes } from "@tenantctl/contract";
import { build, sql } from "@tenantctl/database";
import type { Handlers } from "../call.ts";
import { allOf, given, jsonPage, pageAnswer } from "../json-page.ts";
import { jsonTime } from "../json-time.ts";
import { decodeCursor, defaultPageSize, timeShape, uuidShape } from "../page.ts";
import { deliveryColumns, noSuchDelivery } from "./delivery-row.ts";
import { resend } from "./resend.ts";

type Shown = ResultOf<Routes["deliveries.get"]>;

const tries = sql`coalesce((select jsonb_agg(jsonb_build_object('at', to_char(a.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
    'durationMs', a.duration_ms, 'status', a.status, 'error', a.error) order by a.at desc, a.id desc)
  from app.delivery_attempts a where a.delivery_id = d.id), '[]')`;

export const deliveryHandlers: Handlers<"deliveries.list" | "deliveries.get" | "deliveries.resend"> = {
  "deliveries.list": async (call) => {
    const { status, contact, subject, cursor, limit = defaultPageSize } = call.query;
    const where = [
      ...given(status, (value) => sql`status = ${value}`),
      ...given(contact, (value) => sql`contact = ${value}`),
      ...given(subject, (value) => sql`subject_id = ${value}`),
    ];
    if (cursor !== undefined) {
      const [createdAt, id] = decodeCursor(cursor, [timeShape, uuidShape]);
      where.push(sql`(created_at, id) < (${createdAt}::timestamptz, ${id}::uuid)`);
    }
    const page = jsonPage({
      columns: deliveryColumns,
      from: sql`app.deliveries`,
      where: allOf(where),
      orderBy: sql`created_at desc, id desc`,
      keys: sql`${jsonTime("created_at")}, id::text`,
      limit,
    });
    return pageAnswer(call, await call.scope.run(page));
  },

  "deliveries.get": async (call) => {
    const [found] = await call.scope.run(
      sql<Shown>`select ${deliveryColumns}, body::jsonb as body, ${tries} as tries
        from app.deliveries d where id = ${call.params.id}::uuid`.compile(build),
    );
    if (found === undefined) throw noSuchDelivery();
    return found;
  },

  "deliveries.resend": resend,
};

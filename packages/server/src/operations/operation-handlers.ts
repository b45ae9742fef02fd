import { ContractError } from "@tenantctl/contract";
import { sql } from "@tenantctl/database";
import { audited } from "../audit/audited.ts";
import type { Handlers } from "../call.ts";
import { operatorEntry } from "../call-scope.ts";
import { allOf, given, jsonPage, pageAnswer } from "../json-page.ts";
import { jsonTime } from "../json-time.ts";
import { decodeCursor, defaultPageSize, timeShape, uuidShape } from "../page.ts";
import { findTenantEver } from "../tenants/find-tenant.ts";
import { operationColumns, readOperation } from "./operation-row.ts";
import { stopOperation } from "./stop-operation.ts";

export const operationHandlers: Handlers<"operations.list" | "operations.get" | "operations.cancel"> = {
  "operations.list": async (call) => {
    const { status, tenantId, limit = defaultPageSize, cursor } = call.query;
    const [time = "", id = ""] = cursor === undefined ? [] : decodeCursor(cursor, [timeShape, uuidShape]);
    if (tenantId !== undefined) await findTenantEver(call.scope, tenantId);
    const query = jsonPage({
      columns: operationColumns,
      from: sql`app.operations`,
      where: allOf([
        ...given(status, (only) => sql`status = ${only}`),
        // A purged tenant's slug may be another's by now: its operations are found under either.
        ...given(tenantId, (only) => sql`(tenant_id::text = lower(${only}) or tenant_slug = ${only})`),
        ...given(cursor, () => sql`(created_at, id) < (${time}::timestamptz, ${id}::uuid)`),
      ]),
      orderBy: sql`created_at desc, id desc`,
      keys: sql`${jsonTime("created_at")}, id::text`,
      limit,
    });
    return pageAnswer(call, await call.scope.run(query));
  },

  "operations.get": (call) => readOperation(call.scope, call.params.id),

  "operations.cancel": async (call) => {
    const { id, status, tenantId } = await readOperation(call.scope, call.params.id);
    const over = () =>
      new ContractError(
        "operation_finished",
        "This operation is over.",
        "`tenantctl operations show` says how it ended.",
      );
    if (tenantId === null || (status !== "running" && status !== "queued")) throw over();
    const scope = call.app.db.operator(operatorEntry(call.principal, call.route.access), { tenantId });
    return scope.transaction(async (transaction) => {
      if (!(await stopOperation(transaction, { operationId: id, tenantId }, { status: "cancelled" }))) throw over();
      const [operation] = await Promise.all([
        readOperation(transaction, id),
        transaction.run(audited(call, { tenantId, resourceId: id })),
      ]);
      return operation;
    });
  },
};

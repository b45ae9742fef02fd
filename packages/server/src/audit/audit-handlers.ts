import type { Handlers } from "../call.ts";
import { pageAnswer } from "../json-page.ts";
import { listAudit } from "./audit-list.ts";

/** The audit log: a tenant's own, or for an operator that of all tenants, deleted and purged ones included. */
export const auditHandlers: Handlers<"audit.list"> = {
  "audit.list": async (call) => pageAnswer(call, await call.scope.run(listAudit(call.tenantId, call.query))),
};

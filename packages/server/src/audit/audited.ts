import type { CompiledQuery } from "kysely";
import type { Call } from "../call.ts";
import { type AuditEntry, auditRow } from "./audit-row.ts";

/** The audit row of a call: action and resource type from its route, actor and address from the request. */
export const audited = (
  call: Pick<Call, "route" | "tenantId" | "actor" | "request">,
  more: Partial<Omit<AuditEntry, "actor" | "address" | "requestId">> = {},
): CompiledQuery<never> => {
  const mark = call.route.audit;
  if (mark === undefined) throw new Error(`${call.route.path} declares no audit mark`);
  return auditRow({
    tenantId: call.tenantId,
    action: mark.action,
    resourceType: mark.resourceType,
    ...more,
    actor: call.actor,
    address: call.request.address,
    requestId: call.request.id,
  });
};

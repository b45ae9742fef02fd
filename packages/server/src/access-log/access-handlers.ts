import type { Handlers } from "../call.ts";
import { pageAnswer } from "../json-page.ts";
import { findTenantEver } from "../tenants/find-tenant.ts";
import { listAccesses, sumAccesses } from "./access-query.ts";

/** Who read and wrote what: of all tenants for operators, deleted and purged ones included; a tenant's own for itself. */
export const accessLogHandlers: Handlers<"accessLog.list" | "accessLog.ofTenant" | "accessLog.summary"> = {
  "accessLog.list": async (call) => {
    const { scope, query } = call;
    const tenantId = query.tenantId === undefined ? null : (await findTenantEver(scope, query.tenantId)).id;
    return pageAnswer(call, await scope.run(listAccesses(tenantId, query)));
  },
  "accessLog.ofTenant": async (call) => pageAnswer(call, await call.scope.run(listAccesses(call.tenantId, call.query))),
  "accessLog.summary": ({ scope, tenantId, query }) => scope.run(sumAccesses(tenantId, query)),
};

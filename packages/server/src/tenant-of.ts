import type { Call } from "./call.ts";

/** Whose data a tenant route is about; on such routes the scope was opened in this tenant's context. */
export const tenantOf = ({ tenantId, route }: Pick<Call, "tenantId" | "route">): string => {
  if (tenantId === null) throw new Error(`${route.path} was entered without a tenant`);
  return tenantId;
};

import { operatorTokenHandlers } from "./operator-tokens.ts";
import { tenantTokenHandlers } from "./tenant-tokens.ts";

export const tokenHandlers = { ...operatorTokenHandlers, ...tenantTokenHandlers };

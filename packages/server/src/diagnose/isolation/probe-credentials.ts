import type { Principal } from "../../principal.ts";

/** Sessions and hashes of tokens that a probe of this process has made; nobody else ever holds them. */
const inUse = new Set<string>();

const keyOf = (principal: Principal | undefined): string | undefined => {
  if (principal?.kind === "user") return principal.sessionId;
  return principal?.kind === "tenantToken" ? principal.hash.toString("base64") : undefined;
};

/** Whether a request is a probe's own: not metered, not limited, and its refusals are what is asked for. */
export const isProbe = (principal: Principal | undefined): boolean => {
  if (inUse.size === 0) return false;
  const key = keyOf(principal);
  return key !== undefined && inUse.has(key);
};

/** Marks credentials as a probe's until the function that it answers is called. */
export const markAsProbe = (keys: readonly string[]): (() => void) => {
  for (const key of keys) inUse.add(key);
  return () => {
    for (const key of keys) inUse.delete(key);
  };
};

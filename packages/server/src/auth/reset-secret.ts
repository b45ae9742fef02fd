import { randomBytes } from "node:crypto";
import { hashOf } from "./api-token.ts";

const form = /^reset_(?:([0-9a-f]{32})_)?[\w-]{43}$/;

/**
 * A new secret for POST /api/auth/redeem: the tenant's id (null: an operator's) and 256 bits of randomness. Only its
 * hash is stored, in `password_resets` or `operator_resets`.
 */
export const makeResetSecret = (tenantId: string | null): { secret: string; hash: Buffer } => {
  const owner = tenantId === null ? "" : `${tenantId.replaceAll("-", "")}_`;
  const secret = `reset_${owner}${randomBytes(32).toString("base64url")}`;
  return { secret, hash: hashOf(secret) };
};

/** Whose a reset secret says it is, and the hash it is stored as; undefined where it is mistyped or cut. */
export const parseResetSecret = (secret: string): { tenantId: string | null; hash: Buffer } | undefined => {
  const parts = form.exec(secret);
  if (parts === null) return undefined;
  const tenantId = parts[1]?.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5") ?? null;
  return { tenantId, hash: hashOf(secret) };
};

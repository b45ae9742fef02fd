import { createHash, randomBytes, timingSafeEqual } from "node:crypto";

const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const form = /^tctl_(?:([0-9a-f]{32})_)?([0-9A-Za-z]{43})([0-9A-Za-z]{6})$/;

/** Characters picked evenly: bytes of 248 and above would favour the first ones. */
const randomText = (length: number): string => {
  let text = "";
  while (text.length < length) {
    for (const byte of randomBytes(length)) if (byte < 248 && text.length < length) text += alphabet[byte % 62];
  }
  return text;
};

/** Tells a mistyped or cut token from a wrong one without asking the database; it is no secret. */
const checksum = (text: string): string => {
  const digest = createHash("sha256").update(`tenantctl token checksum:${text}`).digest();
  return Array.from(digest.subarray(0, 6), (byte) => alphabet[byte % 62]).join("");
};

export const hashOf = (secret: string): Buffer => createHash("sha256").update(secret).digest();

/** A new `tctl_` token: the tenant's id where it has one, 256 bits of randomness, a checksum. Only its hash is stored. */
export const makeApiToken = (tenantId: string | null): { token: string; hash: Buffer } => {
  const body = `tctl_${tenantId === null ? "" : `${tenantId.replaceAll("-", "")}_`}${randomText(43)}`;
  const token = body + checksum(body);
  return { token, hash: hashOf(token) };
};

/** What a `tctl_` token says about itself, or undefined where it is mistyped or cut. */
export const parseApiToken = (token: string): { tenantId: string | null; hash: Buffer } | undefined => {
  const parts = form.exec(token);
  const sum = parts?.[3];
  if (parts === null || sum === undefined) return undefined;
  if (!timingSafeEqual(Buffer.from(checksum(token.slice(0, -6))), Buffer.from(sum))) return undefined;
  const hex = parts[1];
  const tenantId = hex === undefined ? null : hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
  return { tenantId, hash: hashOf(token) };
};

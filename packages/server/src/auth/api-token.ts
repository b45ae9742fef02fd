import { createHash, randomBytes } from "node:crypto";
import { apiTokenChecksum, readApiToken } from "@tenantctl/contract";

const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** Characters picked evenly: bytes of 248 and above would favour the first ones. */
const randomText = (length: number): string => {
  let text = "";
  while (text.length < length) {
    for (const byte of randomBytes(length)) if (byte < 248 && text.length < length) text += alphabet[byte % 62];
  }
  return text;
};

export const hashOf = (secret: string): Buffer => createHash("sha256").update(secret).digest();

/** A new `tctl_` token: the tenant's id where it has one, 256 bits of randomness, a checksum. Only its hash is stored. */
export const makeApiToken = (tenantId: string | null): { token: string; hash: Buffer } => {
  const body = `tctl_${tenantId === null ? "" : `${tenantId.replaceAll("-", "")}_`}${randomText(43)}`;
  const token = body + apiTokenChecksum(body, hashOf);
  return { token, hash: hashOf(token) };
};

/** What a `tctl_` token says about itself, or undefined where it is mistyped or cut. */
export const parseApiToken = (token: string): { tenantId: string | null; hash: Buffer } | undefined => {
  const read = readApiToken(token, hashOf);
  return read === undefined ? undefined : { ...read, hash: hashOf(token) };
};

import { createHmac, randomBytes } from "node:crypto";
import type { Settings } from "../settings.ts";
import { hashOf } from "./api-token.ts";

const form = /^refresh_(?:([0-9a-f]{32})_)?([0-9a-f]{32})_[\w-]{43}$/;

/** Where no key is configured there is one process, and this one lasts as long as the key of its access tokens. */
const processKey = randomBytes(32).toString("base64");

const compact = (id: string): string => id.replaceAll("-", "");
const asUuid = (hex: string): string => hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");

export interface RefreshToken {
  readonly token: string;
  /** As it is stored. */
  readonly hash: Buffer;
}

export interface PresentedRefreshToken extends RefreshToken {
  /** null: an operator's. */
  readonly tenantId: string | null;
  readonly sessionId: string;
}

const make = (tenantId: string | null, sessionId: string, secret: string): RefreshToken => {
  const owner = tenantId === null ? "" : `${compact(tenantId)}_`;
  const token = `refresh_${owner}${compact(sessionId)}_${secret}`;
  return { token, hash: hashOf(token) };
};

/** The first refresh token of a session: it says whose session it is, so that it is found in its tenant's context. */
export const firstRefreshToken = (tenantId: string | null, sessionId: string): RefreshToken =>
  make(tenantId, sessionId, randomBytes(32).toString("base64url"));

/** What follows on a token. It depends on that token and the server's key alone: whoever asks twice gets the same. */
export const successorOf = ({ jwtSecrets }: Settings, presented: PresentedRefreshToken): RefreshToken => {
  const key = jwtSecrets?.[0] ?? processKey;
  const secret = createHmac("sha256", key).update(`refresh token after ${presented.token}`).digest("base64url");
  return make(presented.tenantId, presented.sessionId, secret);
};

/** What a refresh token says about itself, or undefined where it is none. */
export const parseRefreshToken = (token: string): PresentedRefreshToken | undefined => {
  const parts = form.exec(token);
  const session = parts?.[2];
  if (parts === null || session === undefined) return undefined;
  const tenant = parts[1];
  return {
    token,
    hash: hashOf(token),
    tenantId: tenant === undefined ? null : asUuid(tenant),
    sessionId: asUuid(session),
  };
};

import { createHash, randomUUID } from "node:crypto";
import jwt from "@fastify/jwt";
import { ContractError, type TenantRole, tenantRoles } from "@tenantctl/contract";
import type { FastifyInstance } from "fastify";
import type { Principal } from "../principal.ts";

type SessionPrincipal = Extract<Principal, { kind: "user" | "operator" }>;

export interface AccessTokens {
  /** A signed access token and its life in seconds. */
  sign(principal: SessionPrincipal): { accessToken: string; expiresIn: number };
  /** Who a token says it is. Throws token_expired or token_invalid. */
  verify(token: string): SessionPrincipal;
  /** Names of the keys that it verifies with; they are no secret, each token carries one. */
  readonly keyIds: readonly string[];
}

type Verifier = (token: string) => Record<string, unknown>;

/** Anybody may make first parts up; the usual ones are few. */
const mostHeaders = 16;
/** Tokens whose signature is not computed anew, about 1 kB each. */
const mostKept = 5000;
const issuer = "tenantctl";
const audience = "tenantctl-api";
const keyId = (secret: string): string => createHash("sha256").update(`kid:${secret}`).digest("hex").slice(0, 8);

const invalid = (): ContractError =>
  new ContractError(
    "token_invalid",
    "This access token was not issued by this server, or not for it.",
    "Log in again: `tenantctl login`.",
  );

const uuid = /^[0-9a-f-]{36}$/;
const isRole = (value: unknown): value is TenantRole => tenantRoles.some((role) => role === value);
const claim = (claims: Record<string, unknown>, name: string): string => {
  const value = claims[name];
  if (typeof value !== "string") throw invalid();
  return value;
};

const principalOf = (claims: Record<string, unknown>): SessionPrincipal => {
  const id = claim(claims, "sub");
  const sessionId = claim(claims, "sid");
  const shared = { sessionId, name: claim(claims, "name"), mustChangePassword: claims.pwc === true };
  if (!uuid.test(id) || !uuid.test(sessionId)) throw invalid();
  if (claims.role === "operator") return { kind: "operator", operatorId: id, ...shared };
  const tenantId = claim(claims, "tid");
  if (!isRole(claims.role) || !uuid.test(tenantId)) throw invalid();
  return { kind: "user", tenantId, userId: id, role: claims.role, ...shared };
};

/**
 * Signs with the first secret and accepts both. One algorithm; issuer, audience, expiry, id, subject and session are
 * required, since the verifier's defaults let tokens pass that lack them.
 */
export const useAccessTokens = async (
  fastify: FastifyInstance,
  secrets: readonly string[],
  minutes: number,
): Promise<AccessTokens> => {
  const expiresIn = minutes * 60;
  const verifiers = new Map<string, Verifier>();
  /** By a token's first part, which all tokens of a key share. */
  const byHeader = new Map<string, Verifier>();
  /** Found good, until they expire. Whether a token's session has ended the database is asked each time. */
  const kept = new Map<string, { readonly principal: SessionPrincipal; readonly expiresAt: number }>();
  let sign: ((payload: object) => string) | undefined;
  for (const secret of secrets) {
    const kid = keyId(secret);
    if (verifiers.has(kid)) continue;
    await fastify.register(jwt, {
      secret,
      namespace: `key_${kid}`,
      sign: { algorithm: "HS256", iss: issuer, aud: audience, expiresIn, kid },
      verify: {
        algorithms: ["HS256"],
        allowedIss: issuer,
        allowedAud: audience,
        requiredClaims: ["iss", "aud", "exp", "iat", "jti", "sub", "sid"],
      },
    });
    const key = (fastify.jwt as unknown as Record<string, typeof fastify.jwt>)[`key_${kid}`];
    if (key === undefined) throw new Error("the JWT plugin did not register its key");
    verifiers.set(kid, (token) => key.verify(token));
    sign ??= (payload) => key.sign(payload);
  }
  const signWithFirst = sign;
  if (signWithFirst === undefined) throw new Error("no JWT secret");

  /** Of the key that a token's first part names. Throws token_invalid. */
  const verifierOf = (encoded: string): Verifier => {
    const known = byHeader.get(encoded);
    if (known !== undefined) return known;
    let header: unknown;
    try {
      header = JSON.parse(Buffer.from(encoded, "base64url").toString("utf8"));
    } catch {
      throw invalid();
    }
    const kid = typeof header === "object" && header !== null && "kid" in header ? header.kid : undefined;
    const verify = typeof kid === "string" ? verifiers.get(kid) : undefined;
    if (verify === undefined) throw invalid();
    if (byHeader.size < mostHeaders) byHeader.set(encoded, verify);
    return verify;
  };

  return {
    keyIds: [...verifiers.keys()],
    sign: (principal) => ({
      accessToken: signWithFirst({
        sub: principal.kind === "operator" ? principal.operatorId : principal.userId,
        sid: principal.sessionId,
        name: principal.name,
        jti: randomUUID(),
        ...(principal.kind === "operator" ? { role: "operator" } : { role: principal.role, tid: principal.tenantId }),
        ...(principal.mustChangePassword ? { pwc: true } : {}),
      }),
      expiresIn,
    }),
    verify: (token) => {
      const known = kept.get(token);
      if (known !== undefined && Date.now() < known.expiresAt) return known.principal;
      kept.delete(token);
      const verify = verifierOf(token.slice(0, token.indexOf(".")));
      let claims: Record<string, unknown>;
      try {
        claims = verify(token);
      } catch (cause) {
        const code = typeof cause === "object" && cause !== null && "code" in cause ? cause.code : undefined;
        if (code === "FAST_JWT_EXPIRED") {
          throw new ContractError(
            "token_expired",
            "This access token has expired.",
            "Refresh it (POST /api/auth/refresh) or log in again: `tenantctl login`.",
            { cause },
          );
        }
        throw invalid();
      }
      const principal = principalOf(claims);
      const [oldest] = kept.keys();
      if (kept.size >= mostKept && oldest !== undefined) kept.delete(oldest);
      kept.set(token, { principal, expiresAt: Number(claims.exp) * 1000 });
      return principal;
    },
  };
};

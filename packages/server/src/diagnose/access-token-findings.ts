import { ContractError, readAccessToken } from "@tenantctl/contract";
import { build, type Scope, sql } from "@tenantctl/database";
import type { App } from "../app.ts";
import { realmOf } from "../auth/realm.ts";
import { minute } from "../checks/wording.ts";
import { jsonTime } from "../json-time.ts";
import type { Finding } from "./diagnosis.ts";

const required = ["iss", "aud", "exp", "iat", "jti", "sub", "sid"];
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Why it is not one of ours: what the verifier refused, in words. */
const whyInvalid = (token: string, keyIds: readonly string[]): string => {
  const { header, claims } = readAccessToken(token) ?? { header: {}, claims: {} };
  const { alg, kid } = header;
  const missing = required.filter((name) => claims[name] === undefined);
  if (alg !== "HS256") return `it is signed with ${String(alg).slice(0, 20)}; this server signs and takes HS256 only`;
  if (typeof kid !== "string" || !keyIds.includes(kid))
    return `it names the key ${String(kid).slice(0, 20)}; this server has ${keyIds.join(", ")}: another server's token, or from before TENANTCTL_JWT_SECRET changed`;
  if (missing.length > 0) return `it lacks ${missing.join(", ")}`;
  if (claims.iss !== "tenantctl" || claims.aud !== "tenantctl-api") return "it was issued by or for something else";
  return "the signature does not match what it says: it was changed, cut, or signed with another key";
};

const signature = (app: App, token: string): { finding: Finding; isOurs: boolean } => {
  const base = { id: "signature", title: "This server signed it" };
  try {
    app.tokens.verify(token);
    return { finding: { ...base, result: "ok", evidence: ["signed with one of this server's keys"] }, isOurs: true };
  } catch (error) {
    if (!(error instanceof ContractError)) throw error;
    // The signature is looked at before the expiry is.
    if (error.code === "token_expired")
      return { finding: { ...base, result: "ok", evidence: ["signed with one of this server's keys"] }, isOurs: true };
    const why = whyInvalid(token, app.tokens.keyIds);
    return {
      finding: {
        ...base,
        result: "problem",
        evidence: [why],
        next: "tenantctl login",
        because: "this server did not sign it",
      },
      isOurs: false,
    };
  }
};

interface SessionRow {
  readonly createdAt: string;
  readonly address: string | null;
  readonly endedAt: string | null;
  readonly endReason: string | null;
  readonly expiresAt: string;
  readonly isOver: boolean;
  readonly email: string;
  readonly role: string;
  readonly disabled: boolean;
}

const sessionRow = (app: App, tenantId: string | null, sessionId: string) => {
  const realm = realmOf(app, tenantId);
  return sql<SessionRow>`select ${jsonTime("s.created_at")} as "createdAt", s.address, ${jsonTime("s.ended_at")} as "endedAt",
      s.end_reason as "endReason", ${jsonTime("s.expires_at")} as "expiresAt", s.expires_at <= now() as "isOver",
      a.email, ${realm.role} as role, a.disabled_at is not null as disabled
    from ${realm.sessions} s join ${realm.accounts} a on a.id = s.${realm.owner} and ${realm.own("a")}
    where ${realm.own("s")} and s.id = ${sessionId}::uuid`.compile(build);
};

const sessionFinding = (row: SessionRow | undefined, claimed: string): Finding => {
  const base = { id: "session", title: "Its session goes on", next: "tenantctl login" };
  if (row === undefined)
    return {
      ...base,
      result: "problem",
      evidence: ["there is no such session (any more)"],
      because: "its session is gone",
    };
  const begun = `of ${row.email}, begun ${minute(row.createdAt)}${row.address === null ? "" : ` from ${row.address}`}`;
  if (row.endedAt !== null) {
    const reason = (row.endReason ?? "unknown").replaceAll("_", " ");
    return {
      ...base,
      result: "problem",
      evidence: [`ended ${minute(row.endedAt)}: ${reason}`, begun],
      because: `its session was ended (${reason})`,
    };
  }
  if (row.isOver)
    return {
      ...base,
      result: "problem",
      evidence: [`ran out ${minute(row.expiresAt)}`, begun],
      because: "its session ran out",
    };
  if (row.disabled)
    return {
      ...base,
      result: "problem",
      evidence: ["the account is disabled", begun],
      because: "the account is disabled",
    };
  if (row.role !== claimed) {
    const evidence = [`it says ${claimed}, the account is ${row.role} by now`, begun];
    return { ...base, result: "problem", evidence, because: "the account's role has changed" };
  }
  return {
    ...base,
    next: undefined,
    result: "ok",
    evidence: [begun, `can be refreshed until ${minute(row.expiresAt)}`],
  };
};

/** The findings about an access token that need this server's keys and sessions, and whose tenant it is of. */
export const accessTokenFindings = async (
  app: App,
  scope: Scope,
  token: string,
): Promise<{ findings: Finding[]; tenantId: string | null }> => {
  const { finding, isOurs } = signature(app, token);
  // What a forged token says leads nowhere.
  if (!isOurs) return { findings: [finding], tenantId: null };
  const { claims = {} } = readAccessToken(token) ?? {};
  const { sid, tid, role, pwc } = claims;
  const tenantId = typeof tid === "string" && uuid.test(tid) ? tid : null;
  const [row] = typeof sid === "string" && uuid.test(sid) ? await scope.run(sessionRow(app, tenantId, sid)) : [];
  const due: Finding[] =
    pwc === true
      ? [
          {
            id: "password",
            title: "It opens everything that its account may do",
            result: "warning",
            evidence: ["the account has to set a new password first; until then this token does nothing else"],
            next: "tenantctl password",
          },
        ]
      : [];
  return { findings: [finding, sessionFinding(row, String(role)), ...due], tenantId };
};

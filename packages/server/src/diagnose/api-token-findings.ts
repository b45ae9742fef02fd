import { build, type Scope, sql } from "@tenantctl/database";
import { parseApiToken } from "../auth/api-token.ts";
import { minute } from "../checks/wording.ts";
import { jsonTime } from "../json-time.ts";
import type { Finding } from "./diagnosis.ts";

interface TokenRow {
  readonly id: string;
  readonly name: string;
  readonly scopes: readonly string[];
  readonly createdBy: string;
  readonly createdAt: string;
  readonly expiresAt: string | null;
  readonly isOver: boolean;
  readonly revokedAt: string | null;
  readonly lastUsedAt: string | null;
  /** Its maker is disabled: an operator's tokens end with them. */
  readonly makerDisabled: boolean;
}

const columns = sql`k.id, k.name, k.scopes, ${jsonTime("k.created_at")} as "createdAt", ${jsonTime("k.expires_at")} as "expiresAt",
  coalesce(k.expires_at <= now(), false) as "isOver", ${jsonTime("k.revoked_at")} as "revokedAt", ${jsonTime("k.last_used_at")} as "lastUsedAt"`;

const stored = (tenantId: string | null, hash: Buffer) =>
  (tenantId === null
    ? sql<TokenRow>`select ${columns}, o.email as "createdBy", o.disabled_at is not null as "makerDisabled"
        from app.operator_tokens k join app.operators o on o.id = k.created_by where k.token_hash = ${hash}`
    : sql<TokenRow>`select ${columns}, k.created_by_name as "createdBy", false as "makerDisabled"
        from app.api_tokens k where k.tenant_id = ${tenantId}::uuid and k.token_hash = ${hash}`
  ).compile(build);

const create = (tenantId: string | null): string =>
  tenantId === null ? "tenantctl tokens create" : `tenantctl tokens create ${tenantId}`;

/** Why it is refused, the first reason that holds. */
const fault = ({ revokedAt, isOver, expiresAt, makerDisabled, createdBy }: TokenRow): string | undefined => {
  if (revokedAt !== null) return `it was revoked ${minute(revokedAt)}`;
  if (isOver) return `it expired ${minute(expiresAt ?? "")}`;
  return makerDisabled ? `${createdBy}, who made it, is disabled` : undefined;
};

/** The findings about a `tctl_` token whose checksum is right. */
export const apiTokenFindings = async (
  scope: Scope,
  token: string,
): Promise<{ findings: Finding[]; tenantId: string | null; id: string | null }> => {
  const { tenantId = null, hash } = parseApiToken(token) ?? {};
  const [row] = hash === undefined ? [] : await scope.run(stored(tenantId, hash));
  const base = { id: "known", title: "This server knows it, and it holds" };
  if (row === undefined) {
    const finding: Finding = {
      ...base,
      result: "problem",
      evidence: ["no such token is stored here: another server's, or from before a restore (tokens don't come back)"],
      next: create(tenantId),
      because: "this server does not know it",
    };
    return { findings: [finding], tenantId, id: null };
  }
  const why = fault(row);
  const { id, name, createdBy, createdAt, expiresAt, lastUsedAt, scopes } = row;
  const known: Finding = {
    ...base,
    result: why === undefined ? "ok" : "problem",
    evidence: [
      ...(why === undefined ? [] : [why]),
      `"${name}", ${id}, made by ${createdBy} ${minute(createdAt)}`,
      expiresAt === null ? "never expires" : `expires ${minute(expiresAt)}`,
      lastUsedAt === null ? "never used" : `last used ${minute(lastUsedAt)}`,
    ],
    next: why === undefined ? undefined : create(tenantId),
    because: why,
  };
  const allowed: Finding = {
    id: "scopes",
    title: "What it may do",
    result: "ok",
    evidence: [
      scopes.length === 0 ? "nothing" : scopes.join(", "),
      "a request that needs another scope is answered 403",
    ],
  };
  return { findings: [known, allowed], tenantId, id };
};

import {
  ContractError,
  expandScopes,
  type ScopeName,
  scopes,
  type Scope as TokenScope,
  tenantScopes,
} from "@tenantctl/contract";
import { build, type Scope, sql } from "@tenantctl/database";
import type { Call } from "../call.ts";
import { operatorEntry } from "../call-scope.ts";

/** Who makes a token: what they may hand on, and for how long. */
export interface TokenMaker {
  readonly type: "user" | "operator";
  readonly id: string;
  readonly name: string;
  readonly scopes: readonly string[];
  /** A token that makes another can't make one that outlives it; null for people. */
  readonly expiresAt: Date | null;
}

const ofOperatorToken = async (scope: Scope, hash: Buffer): Promise<TokenMaker | undefined> => {
  const [row] = await scope.run(
    sql<TokenMaker>`select 'operator' as type, o.id, o.email as name, t.scopes, t.expires_at as "expiresAt"
      from app.operator_tokens t join app.operators o on o.id = t.created_by where t.token_hash = ${hash}`.compile(
      build,
    ),
  );
  return row;
};

const ofTenantToken = async (scope: Scope, tenantId: string, hash: Buffer): Promise<TokenMaker | undefined> => {
  const [row] = await scope.run(
    sql<TokenMaker>`select created_by_type as type, created_by as id, created_by_name as name, scopes,
        expires_at as "expiresAt"
      from app.api_tokens where tenant_id = ${tenantId} and token_hash = ${hash}`.compile(build),
  );
  return row;
};

/** Who calls, as the maker of a token; a token stands for whoever made it, with its own scopes only. */
export const makerOf = async (call: Call): Promise<TokenMaker> => {
  const { principal } = call;
  switch (principal.kind) {
    case "operator":
      return { type: "operator", id: principal.operatorId, name: principal.name, scopes, expiresAt: null };
    case "user":
      return { type: "user", id: principal.userId, name: principal.name, scopes: tenantScopes, expiresAt: null };
    case "operatorToken": {
      // In a tenant's context its row can't be seen.
      const scope = call.app.db.operator(operatorEntry(principal, call.route.access), { readOnly: true });
      const maker = await ofOperatorToken(scope, principal.hash);
      if (maker !== undefined) return maker;
      break;
    }
    case "tenantToken": {
      const maker = await ofTenantToken(call.scope, principal.tenantId, principal.hash);
      if (maker !== undefined) return maker;
    }
  }
  throw new ContractError(
    "token_invalid",
    "This token is unknown, revoked or expired.",
    "Make a new one: `tenantctl tokens create`.",
  );
};

/** The scopes that these names stand for. Throws scope_missing, naming those that the maker lacks. */
export const grantedScopes = (maker: TokenMaker, names: readonly ScopeName[]): TokenScope[] => {
  const wanted = expandScopes(names);
  const lacking = wanted.filter((scope) => !maker.scopes.includes(scope));
  if (lacking.length > 0) {
    throw new ContractError(
      "scope_missing",
      `A token can't be given what its maker lacks: ${lacking.join(", ")}.`,
      "Leave these out, or make the token with an account that has them.",
    );
  }
  return wanted;
};

export const defaultDays = 90;

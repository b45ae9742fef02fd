import type { UserRole } from "./tables.ts";

/** A check that leaves as the first statement of a scope and raises unless the caller may enter. */
export interface Entry {
  readonly sql: string;
  /** The same on Citus, where it has to be written otherwise. */
  readonly onCitus?: string;
  /** Where `tenantParameter` stands the scope puts its own tenant, so that no check can be made for another one. */
  readonly parameters: readonly unknown[];
}

/** Replaced by the scope with its own tenant's id. */
export const tenantParameter = Symbol("the scope's tenant");

interface UserClaims {
  sessionId: string;
  userId: string;
  /** The role in the access token; another one in the database ends the session. */
  role: UserRole;
}

interface TokenClaims {
  tokenHash: Buffer;
  scope: string;
}

function entry(name: string, ...parameters: readonly unknown[]): Entry {
  return { sql: `select app.${name}(${parameters.map((_, index) => `$${index + 1}`).join(", ")})`, parameters };
}

/**
 * The same, asked only where a look does not find everything as usual, which takes half as long as the function. Citus would
 * send the function with the look to the tenant's shard, and there it may ask nothing.
 */
const unless = (usual: string, { sql, parameters }: Entry): Entry => ({
  sql: `${sql} where not exists (select ${usual})`,
  onCitus: sql,
  parameters,
});

/** The same for a write: the tenant is locked as not to be deleted or restored meanwhile. */
const lockedUnless = (usual: string, { sql, parameters }: Entry): readonly Entry[] => [
  { sql: `${sql} where not pg_try_advisory_xact_lock_shared(tenancy.lock_key($1))`, parameters },
  unless(`${usual} and t.hold is null`, { sql, parameters }),
];

const servingTenant = `t.id = $1 and t.status = 'active' and t.maintenance is null
  and not exists (select from app.system_maintenance m where m.maintenance is not null)`;
const usualUser = `from app.tenants t, app.sessions s, app.users u where ${servingTenant}
  and s.tenant_id = $1 and s.id = $2 and s.user_id = $3 and s.ended_at is null and s.expires_at > now()
  and u.tenant_id = $1 and u.id = $3 and u.role = $4 and u.disabled_at is null`;
const usualToken = `from app.tenants t, app.api_tokens k where ${servingTenant}
  and k.tenant_id = $1 and k.token_hash = $2 and $3 = any (k.scopes)
  and k.revoked_at is null and (k.expires_at is null or k.expires_at > now())`;

/** Reads of a tenant's user. Raises session_ended, tenant_suspended, tenant_cancelled, maintenance. */
export const readAsUser = ({ sessionId, userId, role }: UserClaims): Entry =>
  unless(usualUser, entry("read_as_user", tenantParameter, sessionId, userId, role));
/**
 * Writes of a tenant's user. Raises what reads raise, and tenant_busy. The lock comes in a statement of its own: the look
 * behind it sees what whoever held it has done.
 */
export const writeAsUser = ({ sessionId, userId, role }: UserClaims): readonly Entry[] =>
  lockedUnless(usualUser, entry("write_as_user", tenantParameter, sessionId, userId, role));
/** Writes of a user about their own access: a logout, an export's audit row. They go on in read-only maintenance. */
export const recordAsUser = ({ sessionId, userId, role }: UserClaims): Entry =>
  entry("write_as_user", tenantParameter, sessionId, userId, role, true);
/** Reads with a tenant's token. Raises token_invalid, scope_missing, tenant_suspended, tenant_cancelled, maintenance. */
export const readAsToken = ({ tokenHash, scope }: TokenClaims): Entry =>
  unless(usualToken, entry("read_as_token", tenantParameter, tokenHash, scope));
/** Writes with a tenant's token. Raises what reads raise, and tenant_busy. */
export const writeAsToken = ({ tokenHash, scope }: TokenClaims): readonly Entry[] =>
  lockedUnless(usualToken, entry("write_as_token", tenantParameter, tokenHash, scope));
/** Writes about a token's own access: an export's audit row. They go on in read-only maintenance. */
export const recordAsToken = ({ tokenHash, scope }: TokenClaims): Entry =>
  entry("write_as_token", tenantParameter, tokenHash, scope, true);
/** Reads of an operator, whose session was checked before. Raises tenant_not_found. */
export const readAsOperator = (): Entry => entry("read_as_operator", tenantParameter);
/** An operator's export: any tenant not purged, a soft-deleted one too. Raises tenant_not_found. */
export const readAsExport = (): Entry => entry("read_as_export", tenantParameter);
/** Writes of an operator, whose session was checked before. Raises tenant_not_found, tenant_busy. */
export const writeAsOperator = (): Entry => entry("write_as_operator", tenantParameter);
/** Background work, in any state but purged. Raises tenant_not_found, tenant_busy. */
export const writeAsJob = (): Entry => entry("write_as_job", tenantParameter);
/** Logging in. Raises tenant_not_found, tenant_suspended, tenant_cancelled, maintenance, tenant_busy. */
export const writeAsLogin = (): Entry => entry("write_as_login", tenantParameter);
/** Operator scopes that create a tenant or move its state: whatever the state is. Raises tenant_busy. */
export const writeAsLifecycle = (): Entry => entry("write_as_lifecycle", tenantParameter);
/** Operator scopes: an operator's login. Raises session_ended. */
export const operatorSession = (claims: { sessionId: string; operatorId: string }): Entry =>
  entry("operator_session", claims.sessionId, claims.operatorId);
/** Operator scopes: an operator's token. Raises token_invalid, scope_missing. */
export const operatorToken = ({ tokenHash, scope }: TokenClaims): Entry => entry("operator_token", tokenHash, scope);

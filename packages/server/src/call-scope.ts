import { type Access, ContractError } from "@tenantctl/contract";
import {
  build,
  type Database,
  type Entries,
  type Entry,
  operatorSession,
  operatorToken,
  readAsOperator,
  readAsToken,
  readAsUser,
  recordAsToken,
  recordAsUser,
  type Scope,
  type ScopeOptions,
  SYSTEM_TENANT_ID,
  sql,
  writeAsOperator,
  writeAsToken,
  writeAsUser,
} from "@tenantctl/database";
import { type Actor, actorOf, type Principal } from "./principal.ts";
import { findTenant, findTenantEver, noSuchTenant } from "./tenants/find-tenant.ts";

export interface CallScope {
  readonly scope: Scope;
  readonly tenantId: string | null;
  readonly actor: Actor;
}

/** There are no credentials that could have ended: the database's URL was let in by PostgreSQL itself. */
const localEntry: Entry = { sql: "select 1", parameters: [] };

/** The check that an operator's credentials still hold (and a token's scope), as a transaction's first statement. */
export const operatorEntry = (principal: Principal, access: Access): Entry => {
  const scope = access.kind === "operator" || access.kind === "tenant" ? access.scope : "";
  if (principal.kind === "operator")
    return operatorSession({ sessionId: principal.sessionId, operatorId: principal.operatorId });
  if (principal.kind === "operatorToken") return operatorToken({ tokenHash: principal.hash, scope });
  if (principal.kind === "local") return localEntry;
  throw new Error(`no operator entry for ${principal.kind}`);
};

/** An operator's token gets its name before it acts in a tenant's context, where the token's row can't be seen. */
export const namedActor = async (scope: Scope, principal: Principal): Promise<Actor> => {
  if (principal.kind !== "operatorToken") return actorOf(principal);
  const [row] = await scope.run(
    sql<{
      id: string;
      name: string;
    }>`select id, name from app.operator_tokens where token_hash = ${principal.hash}`.compile(build),
  );
  return { type: "token", id: row?.id ?? null, name: row?.name ?? null };
};

const userEntries = { read: readAsUser, write: writeAsUser, record: recordAsUser };
const tokenEntries = { read: readAsToken, write: writeAsToken, record: recordAsToken };

/**
 * The check that a tenant's own credentials still hold, as a transaction's first statement. `record`: what is written is
 * about the caller's own access, and goes on while the tenant is in read-only maintenance.
 */
export const memberEntry = (
  principal: Extract<Principal, { kind: "user" | "tenantToken" }>,
  access: Access,
  use: keyof typeof userEntries,
): Entries => {
  if (principal.kind === "user") {
    const { sessionId, userId, role } = principal;
    return userEntries[use]({ sessionId, userId, role });
  }
  const scope = access.kind === "tenant" ? access.scope : "";
  return tokenEntries[use]({ tokenHash: principal.hash, scope });
};

type Member = Extract<Principal, { kind: "user" | "tenantToken" }>;

/** Throws tenant_not_found unless `asked` is the slug of the caller's own tenant: another's answers as one that does not exist. */
const requireOwn = async (db: Database, principal: Member, access: Access, asked: string): Promise<void> => {
  const reader = db.tenant(principal.tenantId, memberEntry(principal, access, "read"), { readOnly: true });
  const found = await findTenant(reader, asked);
  if (found.id !== principal.tenantId) throw noSuchTenant();
};

const ownTenant = (
  db: Database,
  principal: Member,
  access: Access,
  readOnly: boolean,
  caller: ScopeOptions["caller"],
): CallScope => {
  const { tenantId } = principal;
  // A logout, a new password.
  const use = readOnly ? "read" : access.kind === "session" ? "record" : "write";
  const entry = memberEntry(principal, access, use);
  // What is written goes on to its end, whoever has left.
  const options = readOnly ? { readOnly, caller } : { readOnly };
  return { scope: db.tenant(tenantId, entry, options), tenantId, actor: actorOf(principal) };
};

/**
 * The database scope that a request runs in: from its route's access, its credentials and `?tenantId=`. Most need nothing from
 * the database for that, and are not kept waiting.
 */
export const openScope = (
  db: Database,
  access: Access,
  principal: Principal,
  readOnly: boolean,
  asked: string | undefined,
  caller: ScopeOptions["caller"],
): CallScope | Promise<CallScope> => {
  if (access.kind === "public" || principal.kind === "anonymous") {
    return { scope: db.operator(undefined, { readOnly }), tenantId: null, actor: actorOf(principal) };
  }
  if (principal.kind === "user" || principal.kind === "tenantToken") {
    if (asked === undefined || asked.toLowerCase() === principal.tenantId)
      return ownTenant(db, principal, access, readOnly, caller);
    return requireOwn(db, principal, access, asked).then(() => ownTenant(db, principal, access, readOnly, caller));
  }
  return operatorScope(db, access, principal, readOnly, asked);
};

const operatorScope = async (
  db: Database,
  access: Access,
  principal: Principal,
  readOnly: boolean,
  asked: string | undefined,
): Promise<CallScope> => {
  const entry = operatorEntry(principal, access);
  if (access.kind !== "tenant" || (asked === undefined && !access.operatorNeedsTenant)) {
    // What is written here is about no tenant: its audit row stands in the system tenant's context.
    const context = readOnly ? {} : { tenantId: SYSTEM_TENANT_ID };
    const scope = db.operator(entry, { readOnly, ...context });
    // Many of these write into a tenant's log, too.
    const actor = readOnly ? actorOf(principal) : await namedActor(scope, principal);
    return { scope, tenantId: null, actor };
  }
  if (!access.operatorNeedsTenant && asked !== undefined) {
    const scope = db.operator(entry, { readOnly });
    const { id } = await findTenantEver(scope, asked);
    return { scope, tenantId: id, actor: actorOf(principal) };
  }
  if (asked === undefined) {
    throw new ContractError(
      "tenant_required",
      "An operator has to say which tenant this is about.",
      "Add `?tenantId=<id or slug>`; in tenantctl name the tenant.",
    );
  }
  const checked = db.operator(entry, { readOnly: true });
  const { id } = await findTenant(checked, asked);
  const actor = await namedActor(checked, principal);
  return { scope: db.tenant(id, readOnly ? readAsOperator() : writeAsOperator(), { readOnly }), tenantId: id, actor };
};

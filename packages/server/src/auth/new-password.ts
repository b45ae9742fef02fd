import { ContractError, type Routes } from "@tenantctl/contract";
import { build, type Scope, sql, type Transaction } from "@tenantctl/database";
import { audited } from "../audit/audited.ts";
import type { Call } from "../call.ts";
import { asContractError } from "../problem.ts";
import { endSessions, type Realm, realmOf, voidResets } from "./realm.ts";
import { parseResetSecret } from "./reset-secret.ts";
import { attemptOn, claimAttempt, forgiveAccount, forgiveAttempt, releaseAttempt } from "./throttle.ts";

interface Owner {
  readonly id: string;
  readonly email: string;
  readonly name: string;
  readonly slug: string | null;
  readonly hash: string | null;
}

const ownerColumns = (realm: Realm) =>
  sql`a.id, a.email, a.name, a.password_hash as hash, ${
    realm.tenantId === null
      ? sql`null::text`
      : sql`(select t.slug from app.tenants t where t.id = ${realm.tenantId}::uuid)`
  } as slug`;

const checkNew = (call: Call, owner: Owner, password: string): void =>
  call.app.passwords.check(password, { email: owner.email, name: owner.name, slug: owner.slug ?? undefined });

/** Stores the hash, provided that the old one is still there. */
const store = async (tx: Transaction, realm: Realm, owner: Owner, hash: string): Promise<boolean> => {
  const rows = await tx.run(
    sql`update ${realm.accounts} a set password_hash = ${hash}, must_change_password = false, password_changed_at = now()
      where ${realm.own("a")} and a.id = ${owner.id} and a.password_hash is not distinct from ${owner.hash}::text
      returning a.id`.compile(build),
  );
  return rows.length > 0;
};

const find = async (scope: Scope, realm: Realm, id: string): Promise<Owner | undefined> => {
  const [owner] = await scope.run(
    sql<Owner>`select ${ownerColumns(realm)} from ${realm.accounts} a where ${realm.own("a")} and a.id = ${id}`.compile(
      build,
    ),
  );
  return owner;
};

/** The session that a route with session access was called with. */
export const sessionOf = (call: Call): { realm: Realm; accountId: string; sessionId: string } => {
  const { principal } = call;
  if (principal.kind === "user") {
    return {
      realm: realmOf(call.app, principal.tenantId),
      accountId: principal.userId,
      sessionId: principal.sessionId,
    };
  }
  if (principal.kind === "operator") {
    return { realm: realmOf(call.app, null), accountId: principal.operatorId, sessionId: principal.sessionId };
  }
  throw new Error(`${call.route.path} was reached without a session`);
};

const wrongPassword = (): ContractError =>
  new ContractError(
    "invalid_credentials",
    "The current password is wrong.",
    "Type it again; if it is lost, have somebody reset it.",
  );

/** Sets a new password for whoever is logged in. Throws invalid_credentials, weak_password, login_throttled, overloaded. */
export const changePassword = async (call: Call<Routes["auth.password"]>): Promise<{ sessionsEnded: number }> => {
  const { app, body, scope } = call;
  const { realm, accountId, sessionId } = sessionOf(call);
  const owner = await find(scope, realm, accountId);
  if (owner === undefined) throw wrongPassword();
  checkNew(call, owner, body.newPassword);
  // Whoever holds a stolen session must not get more guesses than at the front door.
  const attempt = attemptOn(realm.contextId, `password of ${owner.email}`, call.request.address, true);
  await claimAttempt(app.db, attempt);
  let hash: string;
  try {
    if (!(await app.passwords.verify(owner.hash, body.currentPassword))) throw wrongPassword();
    hash = await app.passwords.hash(body.newPassword);
  } catch (error) {
    if (asContractError(error).code === "overloaded") await releaseAttempt(app.db, attempt);
    throw error;
  }
  await forgiveAttempt(app.db, attempt);
  return scope.transaction(async (tx) => {
    if (!(await store(tx, realm, owner, hash))) throw wrongPassword();
    const [[ended]] = await Promise.all([
      tx.run(endSessions(realm, accountId, "password_changed", sessionId)),
      tx.run(voidResets(realm, accountId)),
      tx.run(audited(call, { resourceType: realm.resourceType, resourceId: accountId })),
    ]);
    return { sessionsEnded: ended?.ended ?? 0 };
  });
};

const resetInvalid = (): ContractError =>
  new ContractError(
    "reset_invalid",
    "This reset secret is unknown, used or expired.",
    "It works once, for an hour, the first one of a new tenant for seven days. Ask for another one.",
  );

const redeemIn = async (call: Call<Routes["auth.redeem"]>, realm: Realm, hash: Buffer) => {
  const { app, body } = call;
  const valid = sql`${realm.own("r")} and r.secret_hash = ${hash} and r.used_at is null and r.expires_at > now()`;
  const [owner] = await realm.entrance.run(
    sql<Owner>`select ${ownerColumns(realm)} from ${realm.resets} r join ${realm.accounts} a
      on a.id = r.${realm.owner} and ${realm.own("a")} where ${valid} and a.disabled_at is null`.compile(build),
  );
  if (owner === undefined) throw resetInvalid();
  checkNew(call, owner, body.newPassword);
  const passwordHash = await app.passwords.hash(body.newPassword);
  const answer = await realm.entrance.transaction(async (tx) => {
    const used = await tx.run(
      sql`update ${realm.resets} r set used_at = now() where ${valid} returning r.id`.compile(build),
    );
    if (used.length === 0 || !(await store(tx, realm, owner, passwordHash))) throw resetInvalid();
    const actor = { type: realm.resourceType, id: owner.id, name: owner.email };
    const [[ended]] = await Promise.all([
      tx.run(endSessions(realm, owner.id, "password_reset")),
      tx.run(voidResets(realm, owner.id)),
      tx.run(
        audited(
          { ...call, tenantId: realm.tenantId, actor },
          { resourceType: realm.resourceType, resourceId: owner.id },
        ),
      ),
    ]);
    return { sessionsEnded: ended?.ended ?? 0 };
  });
  await forgiveAccount(app.db, realm.tenantId, owner.email);
  return answer;
};

/** Sets a new password with a reset secret. Throws reset_invalid, weak_password, tenant_suspended, tenant_cancelled. */
export const redeemReset = async (call: Call<Routes["auth.redeem"]>): Promise<{ sessionsEnded: number }> => {
  const parsed = parseResetSecret(call.body.secret);
  if (parsed === undefined) throw resetInvalid();
  try {
    return await redeemIn(call, realmOf(call.app, parsed.tenantId), parsed.hash);
  } catch (thrown) {
    throw asContractError(thrown).code === "tenant_not_found" ? resetInvalid() : thrown;
  }
};

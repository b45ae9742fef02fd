import { ContractError, type Routes, type TenantStatus } from "@tenantctl/contract";
import { build, sql } from "@tenantctl/database";
import { audited } from "../audit/audited.ts";
import type { Call } from "../call.ts";
import { normaliseEmail } from "../email.ts";
import { asContractError } from "../problem.ts";
import { type FoundTenant, findTenant } from "../tenants/find-tenant.ts";
import { networkOf } from "./network.ts";
import { type Realm, realmOf } from "./realm.ts";
import { type Account, accountColumns, openSession, type SessionAnswer, sessionAnswer } from "./session.ts";
import { attemptOn, claimAttempt, forgiveAttempt, releaseAttempt } from "./throttle.ts";
import { inTurn } from "./turns.ts";

type LoginCall = Call<Routes["auth.login"]>;

interface FoundAccount extends Account {
  readonly hash: string | null;
  readonly disabled: boolean;
  /** Logged in from this network before. */
  readonly known: boolean;
}

/** One answer for an unknown tenant, an unknown account, a wrong password and a disabled account. */
export const invalidCredentials = (): ContractError =>
  new ContractError(
    "invalid_credentials",
    "The e-mail, the password or the tenant is wrong.",
    "Check all three. Without `tenant` this is an operator's login; a tenant_admin can reset a user's password.",
  );

const tenantOf = async (call: LoginCall, reference: string): Promise<FoundTenant | undefined> => {
  try {
    const found = await findTenant(call.app.db.operator(undefined, { readOnly: true }), reference);
    return found.status === "deleted" ? undefined : found;
  } catch (error) {
    if (error instanceof ContractError && error.code === "tenant_not_found") return undefined;
    throw error;
  }
};

const findAccount = async (realm: Realm, email: string, address: string): Promise<FoundAccount | undefined> => {
  const [row] = await realm.lookup.run(
    // On Citus operators are on the coordinator and addresses on the nodes: such tables meet only as a whole.
    sql<FoundAccount>`with a as materialized (select * from ${realm.accounts} a where ${realm.own("a")} and a.email = ${email})
      select ${accountColumns(realm)}, a.password_hash as hash, a.disabled_at is not null as disabled,
        exists (select from app.known_addresses k where k.tenant_id = ${realm.contextId}::uuid and k.account_id = a.id
          and k.address = ${networkOf(address)} and k.last_login_at > now() - interval '90 days') as known
      from a`.compile(build),
  );
  return row;
};

/** A failed login goes to its tenant's log, where there is such a tenant, with the e-mail that was tried. */
const recordFailure = (call: LoginCall, tenantId: string | null, email: string, detail: string): void =>
  call.app.refusals.add({
    principal: call.principal,
    actor: { type: "anonymous", id: null, name: email },
    route: call.route,
    code: "invalid_credentials",
    address: call.request.address,
    requestId: call.request.id,
    tenantId,
    outcome: "failure",
    detail,
  });

const refusals: Readonly<Partial<Record<TenantStatus, string>>> = {
  suspended: "the tenant is suspended",
  cancelled: "the tenant is cancelled",
};

/** Compares the password; the attempt that was claimed before is taken back where it never came to that. */
const isRight = async (call: LoginCall, account: FoundAccount | undefined, release: () => Promise<void>) => {
  try {
    return await call.app.passwords.verify(account?.hash ?? null, call.body.password);
  } catch (error) {
    await release();
    throw error;
  }
};

const enter = (call: LoginCall, realm: Realm, account: FoundAccount, hash: string, betterHash: string | undefined) =>
  realm.entrance.transaction(async (tx) => {
    const { address, userAgent } = call.request;
    const opened = await openSession(tx, call.app, realm, {
      account,
      verifiedHash: hash,
      betterHash,
      address,
      userAgent,
    });
    if (opened === undefined) throw invalidCredentials();
    await Promise.all([
      tx.run(
        sql`insert into app.known_addresses (tenant_id, account_id, address, last_login_at)
          values (${realm.contextId}, ${account.id}, ${networkOf(address)}, now())
          on conflict (tenant_id, account_id, address) do update set last_login_at = excluded.last_login_at`.compile(
          build,
        ),
      ),
      tx.run(
        audited(
          {
            ...call,
            tenantId: realm.tenantId,
            actor: { type: realm.resourceType, id: account.id, name: account.email },
          },
          { resourceId: opened.sessionId },
        ),
      ),
    ]);
    return opened;
  });

/** Begins the session of an account whose password was right, unless its tenant does not serve. */
const begin = async (
  call: LoginCall,
  realm: Realm,
  account: FoundAccount,
  hash: string,
  status: TenantStatus | undefined,
): Promise<SessionAnswer> => {
  const { app, body } = call;
  const betterHash = app.passwords.needsRehash(hash) ? await app.passwords.hash(body.password) : undefined;
  try {
    const opened = await enter(call, realm, account, hash, betterHash);
    return sessionAnswer(app, realm, account, opened.sessionId, opened.refresh);
  } catch (thrown) {
    const error = asContractError(thrown);
    const gone = error.code === "invalid_credentials" || error.code === "tenant_not_found";
    if (!gone && error.code !== "tenant_suspended" && error.code !== "tenant_cancelled") throw thrown;
    recordFailure(
      call,
      realm.tenantId,
      account.email,
      refusals[status ?? "active"] ?? "the tenant or the account has just gone",
    );
    throw gone ? invalidCredentials() : error;
  }
};

/** Exchanges e-mail and password for a session. Throws invalid_credentials, login_throttled, overloaded, and after a right password tenant_suspended or tenant_cancelled. */
export const login = (call: LoginCall): Promise<SessionAnswer> =>
  call.app.passwords.login(call.request.socket, () => logIn(call));

const logIn = async (call: LoginCall): Promise<SessionAnswer> => {
  const { app, body, request } = call;
  const email = normaliseEmail(body.email);
  const tenant = body.tenant === undefined ? undefined : await tenantOf(call, body.tenant);
  const isLost = body.tenant !== undefined && tenant === undefined;
  const realm = realmOf(app, tenant?.id ?? null);
  // For an unknown tenant the operators are asked in its place, so that it takes as long; what is found is not looked at.
  const found = await findAccount(realm, email, request.address);
  const account = isLost ? undefined : found;
  const whose = tenant?.id ?? body.tenant ?? "";

  const attempt = attemptOn(whose, email, request.address, account?.known === true);
  return inTurn(attempt.keys.pair, async () => {
    await claimAttempt(app.db, attempt);
    const right = await isRight(call, account, () => releaseAttempt(app.db, attempt));
    if (right && account !== undefined && account.hash !== null && !account.disabled) {
      await forgiveAttempt(app.db, attempt);
      return begin(call, realm, account, account.hash, tenant?.status);
    }
    const detail = account?.disabled ? "the account is disabled" : "wrong password";
    recordFailure(
      call,
      tenant?.id ?? null,
      email,
      isLost ? "no such tenant" : account === undefined ? "no such account" : detail,
    );
    throw invalidCredentials();
  });
};

import { ContractError } from "@tenantctl/contract";
import { build, sql, type Transaction } from "@tenantctl/database";
import type { App } from "../app.ts";
import { auditRow } from "../audit/audit-row.ts";
import type { Call } from "../call.ts";
import { asContractError } from "../problem.ts";
import { type Realm, realmOf } from "./realm.ts";
import { type PresentedRefreshToken, parseRefreshToken, type RefreshToken, successorOf } from "./refresh-token.ts";
import { type Account, accountColumns, type SessionAnswer, sessionAnswer } from "./session.ts";

/** How long a spent token still gives its successor: two shells that share one login refresh at the same moment. */
const graceSeconds = 10;

const sessionEnded = (): ContractError =>
  new ContractError("session_ended", "This session has ended.", "Log in again: `tenantctl login`.");

interface Row extends Account {
  readonly current: boolean;
  /** Spent, and so lately that its successor is given again. */
  readonly graced: boolean;
}

const lockSession = async (
  tx: Transaction,
  realm: Realm,
  presented: PresentedRefreshToken,
): Promise<Row | undefined> => {
  const [row] = await tx.run(
    sql<Row>`select ${accountColumns(realm)}, s.refresh_hash = ${presented.hash} as current,
        coalesce(s.previous_hash = ${presented.hash} and s.rotated_at > now() - make_interval(secs => ${graceSeconds}::int), false) as graced
      from ${realm.sessions} s join ${realm.accounts} a on a.id = s.${realm.owner} and ${realm.own("a")}
      where ${realm.own("s")} and s.id = ${presented.sessionId}::uuid and s.ended_at is null and s.expires_at > now()
        and a.disabled_at is null for update of s`.compile(build),
  );
  return row;
};

const rotate = (tx: Transaction, app: App, realm: Realm, presented: PresentedRefreshToken, next: RefreshToken) =>
  tx.run(
    sql`update ${realm.sessions} s set previous_hash = ${presented.hash}, refresh_hash = ${next.hash}, rotated_at = now(),
        expires_at = now() + make_interval(days => ${app.settings.refreshTokenDays}::int)
      where ${realm.own("s")} and s.id = ${presented.sessionId}::uuid and s.refresh_hash <> ${next.hash}`.compile(
      build,
    ),
  );

/** A spent token came back: one of two holders is a thief, and nobody can tell which, so the login ends for both. */
const endFamily = (tx: Transaction, call: Call, realm: Realm, presented: PresentedRefreshToken, account: Account) =>
  Promise.all([
    tx.run(
      sql`update ${realm.sessions} s set ended_at = now(), end_reason = 'refresh_token_reused'
        where ${realm.own("s")} and s.id = ${presented.sessionId}::uuid`.compile(build),
    ),
    tx.run(
      auditRow({
        tenantId: realm.tenantId,
        action: "end",
        resourceType: "session",
        resourceId: presented.sessionId,
        outcome: "denied",
        actor: { type: realm.resourceType, id: account.id, name: account.email },
        address: call.request.address,
        requestId: call.request.id,
        detail: "a refresh token that was spent already was used again",
      }),
    ),
  ]);

/** Exchanges a refresh token for the next pair. Throws session_ended, tenant_suspended, tenant_cancelled. */
export const refresh = async (call: Call, token: string): Promise<SessionAnswer> => {
  const presented = parseRefreshToken(token);
  if (presented === undefined) throw sessionEnded();
  const { app } = call;
  const realm = realmOf(app, presented.tenantId);
  const next = successorOf(app.settings, presented);
  try {
    const account = await realm.entrance.transaction(async (tx) => {
      const row = await lockSession(tx, realm, presented);
      if (row === undefined) return undefined;
      if (row.current || row.graced) {
        await rotate(tx, app, realm, presented, next);
        return row;
      }
      await endFamily(tx, call, realm, presented, row);
      return undefined;
    });
    if (account === undefined) throw sessionEnded();
    return sessionAnswer(app, realm, account, presented.sessionId, next);
  } catch (thrown) {
    // What is deleted is not told from what never was.
    throw asContractError(thrown).code === "tenant_not_found" ? sessionEnded() : thrown;
  }
};

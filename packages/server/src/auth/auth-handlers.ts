import { ContractError } from "@tenantctl/contract";
import { build, sql } from "@tenantctl/database";
import { audited } from "../audit/audited.ts";
import type { Handlers } from "../call.ts";
import { login } from "./login.ts";
import { changePassword, redeemReset, sessionOf } from "./new-password.ts";
import { refresh } from "./refresh.ts";
import { type Account, accountColumns } from "./session.ts";

export const authHandlers: Handlers<
  "auth.login" | "auth.refresh" | "auth.logout" | "auth.password" | "auth.redeem" | "auth.me"
> = {
  "auth.login": login,
  "auth.refresh": (call) => refresh(call, call.body.refreshToken),
  "auth.password": changePassword,
  "auth.redeem": redeemReset,

  "auth.logout": (call) => {
    const { realm, sessionId } = sessionOf(call);
    return call.scope.transaction(async (tx) => {
      const [ended] = await Promise.all([
        tx.run(
          sql`update ${realm.sessions} s set ended_at = now(), end_reason = 'logout'
            where ${realm.own("s")} and s.id = ${sessionId} and s.ended_at is null returning s.id`.compile(build),
        ),
        tx.run(audited(call, { resourceId: sessionId })),
      ]);
      // Two logouts at once: the second waited for the first, and must not say that it ended something.
      if (ended.length === 0) {
        throw new ContractError("session_ended", "This session has ended.", "Log in again: `tenantctl login`.");
      }
      return { sessionsEnded: ended.length };
    });
  },

  "auth.me": async (call) => {
    const { realm, accountId } = sessionOf(call);
    const [account] = await call.scope.run(
      sql<Account>`select ${accountColumns(realm)} from ${realm.accounts} a
        where ${realm.own("a")} and a.id = ${accountId}`.compile(build),
    );
    if (account === undefined) {
      throw new ContractError("session_ended", "This account is gone.", "Log in as another: `tenantctl login`.");
    }
    return { ...account, kind: realm.resourceType, tenantId: realm.tenantId };
  },
};

import type { TenantRole } from "@tenantctl/contract";
import { build, sql, type Transaction } from "@tenantctl/database";
import { v7 as uuidv7 } from "uuid";
import type { App } from "../app.ts";
import type { Realm } from "./realm.ts";
import { firstRefreshToken, type RefreshToken } from "./refresh-token.ts";

/** An account as its session needs it. */
export interface Account {
  readonly id: string;
  readonly email: string;
  readonly name: string;
  readonly role: TenantRole | "operator";
  readonly mustChangePassword: boolean;
}

export interface SessionAnswer {
  readonly accessToken: string;
  readonly refreshToken: string;
  readonly expiresIn: number;
  readonly mustChangePassword: boolean;
}

/** The columns of `Account`, of accounts under the alias `a`. */
export const accountColumns = (realm: Realm) =>
  sql`a.id, a.email, a.name, ${realm.role} as role, a.must_change_password as "mustChangePassword"`;

/** The pair of tokens for a session, with what the account may be told. */
export const sessionAnswer = (
  app: App,
  realm: Realm,
  account: Account,
  sessionId: string,
  refresh: RefreshToken,
): SessionAnswer => {
  const { id, email, role, mustChangePassword } = account;
  const shared = { sessionId, name: email, mustChangePassword };
  const signed = app.tokens.sign(
    realm.tenantId === null || role === "operator"
      ? { kind: "operator", operatorId: id, ...shared }
      : { kind: "user", tenantId: realm.tenantId, userId: id, role, ...shared },
  );
  return { ...signed, refreshToken: refresh.token, mustChangePassword };
};

export interface NewSession {
  readonly account: { readonly id: string };
  /** The hash that the password was compared with: if it is another by now, no session begins. */
  readonly verifiedHash: string;
  /** Set where the hash was made with older parameters. */
  readonly betterHash: string | undefined;
  readonly address: string;
  readonly userAgent: string | null;
}

/** Begins a session and notes the login, or gives undefined where the account was disabled or its password changed meanwhile. */
export const openSession = async (
  tx: Transaction,
  { settings }: App,
  realm: Realm,
  login: NewSession,
): Promise<{ sessionId: string; refresh: RefreshToken } | undefined> => {
  const sessionId = uuidv7();
  const refresh = firstRefreshToken(realm.tenantId, sessionId);
  // Updating the account first takes its row's lock: whoever disables it comes before or after this session as a whole.
  const [accounts] = await Promise.all([
    tx.run(
      sql<{ id: string }>`update ${realm.accounts} a
        set last_login_at = now(), password_hash = ${login.betterHash ?? login.verifiedHash}
        where ${realm.own("a")} and a.id = ${login.account.id} and a.disabled_at is null
          and a.password_hash = ${login.verifiedHash}
        returning a.id`.compile(build),
    ),
    tx.run(
      sql`insert into ${realm.sessions}
          (${realm.keyColumn} id, ${realm.owner}, refresh_hash, expires_at, address, user_agent)
        values (${realm.keyValue} ${sessionId}::uuid, ${login.account.id}::uuid, ${refresh.hash}::bytea,
          now() + make_interval(days => ${settings.refreshTokenDays}::int), ${login.address}, ${login.userAgent}::text)`.compile(
        build,
      ),
    ),
  ]);
  return accounts.length === 0 ? undefined : { sessionId, refresh };
};

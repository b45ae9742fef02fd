import type { Routes } from "@tenantctl/contract";
import { build, sql } from "@tenantctl/database";
import type { CompiledQuery } from "kysely";
import { v7 as uuidv7 } from "uuid";
import { audited } from "../audit/audited.ts";
import type { Passwords } from "../auth/passwords.ts";
import { makeResetSecret } from "../auth/reset-secret.ts";
import { forgiveAccount } from "../auth/throttle.ts";
import type { Handler } from "../call.ts";
import { jsonTime } from "../json-time.ts";
import { tenantOf } from "../tenant-of.ts";
import { written } from "../written.ts";
import { endSessions } from "./end-sessions.ts";
import { noSuchUser } from "./lock-user.ts";
import { isUser } from "./user-row.ts";

interface Owner {
  readonly id: string;
  readonly email: string;
  readonly name: string;
  readonly slug: string;
}

/** One way of resetting: the statement that does it, which answers no row where the user is gone by then. */
interface Reset {
  readonly change: CompiledQuery<{ expiresAt: string | null }>;
  readonly secret: string | null;
  readonly detail: string;
}

const byPassword = async (
  passwords: Passwords,
  tenantId: string,
  user: Owner,
  password: string,
  mustChange: boolean,
): Promise<Reset> => {
  passwords.check(password, user);
  const hash = await passwords.hash(password);
  const change = sql<{ expiresAt: null }>`update app.users
    set password_hash = ${hash}, must_change_password = ${mustChange}, password_changed_at = now(), updated_at = now()
    where ${isUser(tenantId, user.id)} returning null as "expiresAt"`.compile(build);
  return { change, secret: null, detail: `a new password was set${mustChange ? ", to be changed" : ""}` };
};

const bySecret = (tenantId: string, user: Owner): Reset => {
  const { secret, hash } = makeResetSecret(tenantId);
  const change = written<{ expiresAt: string }>(
    sql`insert into app.password_resets (tenant_id, id, user_id, secret_hash, expires_at)
      values (${tenantId}::uuid, ${uuidv7()}::uuid, ${user.id}::uuid, ${hash}::bytea, now() + interval '1 hour')`,
    "issued",
    sql`${jsonTime("expires_at")} as "expiresAt"`,
  ).compile(build);
  return { change, secret, detail: "a reset secret was issued" };
};

/** Sets a new password, or issues a secret to be redeemed for one. Earlier secrets and all of the user's sessions end. */
export const resetPassword: Handler<Routes["users.resetPassword"]> = async (call) => {
  const tenantId = tenantOf(call);
  const { newPassword, mustChangePassword = false } = call.body;
  // Also checks the credentials, before time is spent on hashing.
  const [user] = await call.scope.run(
    sql<Owner>`select u.id, u.email, u.name, t.slug from app.users u join app.tenants t on t.id = u.tenant_id
      where u.tenant_id = ${tenantId}::uuid and u.id = ${call.params.id}::uuid`.compile(build),
  );
  if (user === undefined) throw noSuchUser();
  const { change, secret, detail } =
    newPassword === undefined
      ? bySecret(tenantId, user)
      : await byPassword(call.app.passwords, tenantId, user, newPassword, mustChangePassword);
  const answer = await call.scope.transaction(async (tx) => {
    const [, [changed], ended] = await Promise.all([
      tx.run(
        sql`update app.password_resets set used_at = now()
          where tenant_id = ${tenantId}::uuid and user_id = ${user.id}::uuid and used_at is null`.compile(build),
      ),
      tx.run(change),
      tx.run(endSessions(tenantId, user.id, "password_reset")),
      tx.run(audited(call, { resourceId: user.id, detail })),
    ]);
    if (changed === undefined) throw noSuchUser();
    return { userId: user.id, sessionsEnded: ended.length, secret, expiresAt: changed.expiresAt };
  });
  if (newPassword !== undefined) await forgiveAccount(call.app.db, tenantId, user.email);
  return answer;
};

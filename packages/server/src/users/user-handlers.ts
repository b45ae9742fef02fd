import type { ResultOf, Routes } from "@tenantctl/contract";
import { build, sql, type Transaction } from "@tenantctl/database";
import { v7 as uuidv7 } from "uuid";
import { Answer, JsonText } from "../answer.ts";
import { audited } from "../audit/audited.ts";
import { changedFields } from "../audit/changed-fields.ts";
import type { Handlers } from "../call.ts";
import { normaliseEmail } from "../email.ts";
import { jsonRow, pageAnswer } from "../json-page.ts";
import { oneMore, useQuota } from "../quotas/use-quota.ts";
import { tenantOf } from "../tenant-of.ts";
import { tokensLeft } from "../tokens/tokens-left.ts";
import { written } from "../written.ts";
import { endSessions } from "./end-sessions.ts";
import { lockUser, noSuchUser } from "./lock-user.ts";
import { resetPassword } from "./reset-password.ts";
import { listUsers } from "./user-list.ts";
import { bytesOfUser, isUser, type User, userColumns } from "./user-row.ts";

type Changed = ResultOf<Routes["users.update"]>;

const tokensOf = async (tx: Transaction, tenantId: string, id: string): Promise<Pick<Changed, "tokensLeft">> => {
  const [row] = await tx.run(
    sql<Pick<Changed, "tokensLeft">>`select ${tokensLeft("user", id, tenantId)} as "tokensLeft"`.compile(build),
  );
  if (row === undefined) throw new Error("a count answered no row");
  return row;
};

const answer = (status: number, json: string): Answer<User> => new Answer<User>(status, new JsonText(json));

/** Users of a tenant. The last tenant_admin who can log in stays one. */
export const userHandlers: Handlers<
  "users.list" | "users.create" | "users.get" | "users.update" | "users.delete" | "users.resetPassword"
> = {
  "users.list": async (call) => pageAnswer(call, await call.scope.run(listUsers(tenantOf(call), call.query))),

  "users.get": async (call) => {
    const [row] = await call.scope.run(
      sql<{ json: string }>`select ${jsonRow(userColumns)} as json from app.users
        where ${isUser(tenantOf(call), call.params.id)}`.compile(build),
    );
    if (row === undefined) throw noSuchUser();
    return answer(200, row.json);
  },

  "users.create": async (call) => {
    const tenantId = tenantOf(call);
    const id = uuidv7();
    const { name, role, password, mustChangePassword = false } = call.body;
    const email = normaliseEmail(call.body.email);
    // Also checks the credentials, before time is spent on hashing.
    const [tenant] = await call.scope.run(
      sql<{ slug: string }>`select slug from app.tenants where id = ${tenantId}::uuid`.compile(build),
    );
    call.app.passwords.check(password, { email, name, slug: tenant?.slug });
    const hash = await call.app.passwords.hash(password);
    const [[row]] = await call.scope.batch([
      written<{ json: string }>(
        sql`insert into app.users (tenant_id, id, email, name, role, password_hash, password_changed_at, must_change_password)
          values (${tenantId}, ${id}, ${email}, ${name}, ${role}, ${hash}, now(), ${mustChangePassword})`,
        "made",
        sql`${jsonRow(userColumns)} as json`,
      ).compile(build),
      audited(call, {
        resourceId: id,
        after: { name, email, role, ...(mustChangePassword ? { mustChangePassword } : {}) },
      }),
      oneMore(tenantId, "users", bytesOfUser(tenantId, id)).compile(build),
    ]);
    if (row === undefined) throw new Error("the insert answered no row");
    return answer(201, row.json);
  },

  "users.update": (call) => {
    const tenantId = tenantOf(call);
    const patch = {
      ...call.body,
      ...(call.body.email === undefined ? {} : { email: normaliseEmail(call.body.email) }),
    };
    return call.scope.transaction(async (tx) => {
      const { user, bytes } = await lockUser(tx, tenantId, call.params.id, (before) => {
        const { role, disabled } = { ...before, ...patch };
        return role === "tenant_admin" && !disabled;
      });
      const change = changedFields<User>(user, patch);
      if (change === undefined) return { ...user, ...(await tokensOf(tx, tenantId, user.id)) };
      const { name = user.name, email = user.email, role = user.role, disabled = user.disabled } = change.after;
      const endsSessions = role !== user.role || disabled;
      const disabledAt = disabled === user.disabled ? sql`` : sql`, disabled_at = ${disabled ? sql`now()` : sql`null`}`;
      const [[row], , left] = await Promise.all([
        tx.run(
          written<{ json: string }>(
            sql`update app.users set name = ${name}, email = ${email}, role = ${role}, updated_at = now()${disabledAt}
              where ${isUser(tenantId, user.id)}`,
            "changed",
            sql`${jsonRow(userColumns)} as json`,
          ).compile(build),
        ),
        endsSessions ? tx.run(endSessions(tenantId, user.id, disabled ? "disabled" : "role_changed")) : [],
        tokensOf(tx, tenantId, user.id),
        tx.run(audited(call, { resourceId: user.id, ...change })),
        tx.run(useQuota(tenantId, "storage_bytes", sql<number>`${bytesOfUser(tenantId, user.id)} - ${bytes}::bigint`)),
      ]);
      if (row === undefined) throw noSuchUser();
      const updated: User = JSON.parse(row.json);
      return { ...updated, ...left };
    });
  },

  "users.delete": (call) => {
    const tenantId = tenantOf(call);
    return call.scope.transaction(async (tx) => {
      const { user, bytes } = await lockUser(tx, tenantId, call.params.id, () => false);
      const { name, email, role, disabled } = user;
      const [left] = await Promise.all([
        tokensOf(tx, tenantId, user.id),
        tx.run(sql`delete from app.users where ${isUser(tenantId, user.id)}`.compile(build)),
        tx.run(audited(call, { resourceId: user.id, before: { name, email, role, disabled } })),
        tx.run(useQuota(tenantId, "users", -1)),
        tx.run(useQuota(tenantId, "storage_bytes", -bytes)),
      ]);
      return { ...user, ...left };
    });
  },

  "users.resetPassword": resetPassword,
};

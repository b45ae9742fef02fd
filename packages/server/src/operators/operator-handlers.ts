import { build, sql } from "@tenantctl/database";
import { v7 as uuidv7 } from "uuid";
import { Answer, created } from "../answer.ts";
import { audited } from "../audit/audited.ts";
import { endSessions, realmOf, voidResets } from "../auth/realm.ts";
import { makeResetSecret } from "../auth/reset-secret.ts";
import { forgiveAccount } from "../auth/throttle.ts";
import type { Handlers } from "../call.ts";
import { normaliseEmail } from "../email.ts";
import { jsonTime } from "../json-time.ts";
import { cutPage, decodeCursor, defaultPageSize, nextLink, timeShape, uuidShape } from "../page.ts";
import { noSuchOperator, type OperatorRow, operatorColumns } from "./operator.ts";
import { disableOperator, enableOperator } from "./toggle-operator.ts";

export const operatorHandlers: Handlers<
  "operators.list" | "operators.create" | "operators.disable" | "operators.enable" | "operators.resetPassword"
> = {
  "operators.list": async (call) => {
    const { limit = defaultPageSize, cursor } = call.query;
    const [at, id] = cursor === undefined ? [] : decodeCursor(cursor, [timeShape, uuidShape]);
    const after =
      at === undefined || id === undefined ? sql`true` : sql`(created_at, id) > (${at}::timestamptz, ${id}::uuid)`;
    const rows = await call.scope.run(
      sql<OperatorRow>`select ${operatorColumns} from app.operators where ${after}
        order by created_at, id limit ${limit + 1}`.compile(build),
    );
    const { page, last } = cutPage(rows, limit);
    return new Answer(
      200,
      page,
      last === undefined ? {} : nextLink(call.request.path, call.query, [last.createdAt, last.id]),
    );
  },

  "operators.create": async (call) => {
    const { name, password } = call.body;
    const email = normaliseEmail(call.body.email);
    call.app.passwords.check(password, { email, name });
    const hash = await call.app.passwords.hash(password);
    const id = uuidv7();
    return call.scope.transaction(async (tx) => {
      const [[row]] = await Promise.all([
        tx.run(
          sql<OperatorRow>`insert into app.operators (id, email, name, password_hash, password_changed_at)
            values (${id}, ${email}, ${name}, ${hash}, now()) returning ${operatorColumns}`.compile(build),
        ),
        tx.run(audited(call, { resourceId: id, after: { name, email } })),
      ]);
      if (row === undefined) throw new Error("an insert returned nothing");
      return created(row);
    });
  },

  "operators.disable": disableOperator,
  "operators.enable": enableOperator,

  "operators.resetPassword": async (call) => {
    const { newPassword } = call.body;
    const realm = realmOf(call.app, null);
    const [owner] = await call.scope.run(
      sql<{ id: string; email: string; name: string }>`select id, email, name from app.operators
        where id = ${call.params.id}::uuid`.compile(build),
    );
    if (owner === undefined) throw noSuchOperator();
    if (newPassword !== undefined) call.app.passwords.check(newPassword, owner);
    const hash = newPassword === undefined ? undefined : await call.app.passwords.hash(newPassword);
    const reset = makeResetSecret(null);
    const answer = await call.scope.transaction(async (tx) => {
      const [, [ended], [issued]] = await Promise.all([
        tx.run(voidResets(realm, owner.id)),
        tx.run(endSessions(realm, owner.id, "password_reset")),
        tx.run(
          hash === undefined
            ? sql<{
                expiresAt: string | null;
              }>`insert into app.operator_resets (id, operator_id, secret_hash, expires_at)
                values (${uuidv7()}, ${owner.id}, ${reset.hash}, now() + interval '1 hour')
                returning ${jsonTime("expires_at")} as "expiresAt"`.compile(build)
            : sql<{ expiresAt: string | null }>`update app.operators set password_hash = ${hash},
                password_changed_at = now(), must_change_password = false where id = ${owner.id}::uuid
                returning null as "expiresAt"`.compile(build),
        ),
        tx.run(
          audited(call, {
            resourceId: owner.id,
            detail: hash === undefined ? "a reset secret was issued" : "a new password was set",
          }),
        ),
      ]);
      return {
        userId: owner.id,
        sessionsEnded: ended?.ended ?? 0,
        secret: hash === undefined ? reset.secret : null,
        expiresAt: issued?.expiresAt ?? null,
      };
    });
    if (newPassword !== undefined) await forgiveAccount(call.app.db, null, owner.email);
    return answer;
  },
};

import { build, sql } from "@tenantctl/database";
import { v7 as uuidv7 } from "uuid";
import { created } from "../answer.ts";
import { audited } from "../audit/audited.ts";
import { makeApiToken } from "../auth/api-token.ts";
import type { Handlers } from "../call.ts";
import { mostListed, noSuchToken, type TokenRow, tokenColumns } from "./token.ts";
import { defaultDays, grantedScopes, makerOf } from "./token-maker.ts";

const shown = sql`${tokenColumns("o.email")} from shown t join app.operators o on o.id = t.created_by`;

export const operatorTokenHandlers: Handlers<"tokens.list" | "tokens.create" | "tokens.revoke"> = {
  "tokens.list": (call) =>
    call.scope.run(
      sql<TokenRow>`with shown as (select * from app.operator_tokens order by created_at desc, id desc limit ${mostListed})
        select ${shown} order by t.created_at desc, t.id desc`.compile(build),
    ),

  "tokens.create": async (call) => {
    const { name, expiresInDays = defaultDays } = call.body;
    const maker = await makerOf(call);
    const scopes = grantedScopes(maker, call.body.scopes);
    const id = uuidv7();
    const { token, hash } = makeApiToken(null);
    return call.scope.transaction(async (tx) => {
      const [[row]] = await Promise.all([
        tx.run(
          sql<TokenRow>`with shown as (
              insert into app.operator_tokens (id, name, token_hash, scopes, created_by, expires_at)
              values (${id}, ${name}, ${hash}, ${scopes}::text[], ${maker.id},
                least(now() + make_interval(days => ${expiresInDays}::int), ${maker.expiresAt}::timestamptz)) returning *)
            select ${shown}`.compile(build),
        ),
        tx.run(audited(call, { resourceId: id, after: { name, scopes, expiresInDays } })),
      ]);
      if (row === undefined) throw new Error("an insert returned nothing");
      return created({ ...row, token });
    });
  },

  "tokens.revoke": (call) =>
    call.scope.transaction(async (tx) => {
      const id = call.params.id.toLowerCase();
      const revoked = await tx.run(
        sql<TokenRow>`with shown as (
            update app.operator_tokens set revoked_at = now() where id = ${id}::uuid and revoked_at is null returning *)
          select ${shown}`.compile(build),
      );
      if (revoked[0] !== undefined) {
        await tx.run(audited(call, { resourceId: id, before: { revoked: false }, after: { revoked: true } }));
        return revoked[0];
      }
      const [row] = await tx.run(
        sql<TokenRow>`with shown as (select * from app.operator_tokens where id = ${id}::uuid) select ${shown}`.compile(
          build,
        ),
      );
      if (row === undefined) throw noSuchToken();
      return row;
    }),
};

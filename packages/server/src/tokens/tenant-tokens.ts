import { build, sql } from "@tenantctl/database";
import { v7 as uuidv7 } from "uuid";
import { created } from "../answer.ts";
import { audited } from "../audit/audited.ts";
import { makeApiToken } from "../auth/api-token.ts";
import type { Handlers } from "../call.ts";
import { tenantOf } from "../tenant-of.ts";
import { written } from "../written.ts";
import { mostListed, noSuchToken, type TokenRow, tokenColumns } from "./token.ts";
import { defaultDays, grantedScopes, makerOf } from "./token-maker.ts";

const columns = tokenColumns("t.created_by_name");

export const tenantTokenHandlers: Handlers<"tenantTokens.list" | "tenantTokens.create" | "tenantTokens.revoke"> = {
  "tenantTokens.list": (call) =>
    call.scope.run(
      sql<TokenRow>`select ${columns} from app.api_tokens t where t.tenant_id = ${tenantOf(call)}::uuid
        order by t.created_at desc, t.id desc limit ${mostListed}`.compile(build),
    ),

  "tenantTokens.create": async (call) => {
    const tenantId = tenantOf(call);
    const { name, expiresInDays = defaultDays } = call.body;
    const maker = await makerOf(call);
    const scopes = grantedScopes(maker, call.body.scopes);
    const id = uuidv7();
    const { token, hash } = makeApiToken(tenantId);
    return call.scope.transaction(async (tx) => {
      const [[row]] = await Promise.all([
        tx.run(
          written<TokenRow>(
            sql`insert into app.api_tokens
              (tenant_id, id, name, token_hash, scopes, created_by_type, created_by, created_by_name, expires_at)
            values (${tenantId}, ${id}, ${name}, ${hash}, ${scopes}::text[], ${maker.type}, ${maker.id}, ${maker.name},
              least(now() + make_interval(days => ${expiresInDays}::int), ${maker.expiresAt}::timestamptz))`,
            "t",
            columns,
          ).compile(build),
        ),
        tx.run(audited(call, { resourceId: id, after: { name, scopes, expiresInDays } })),
      ]);
      if (row === undefined) throw new Error("an insert returned nothing");
      return created({ ...row, token });
    });
  },

  "tenantTokens.revoke": (call) =>
    call.scope.transaction(async (tx) => {
      const tenantId = tenantOf(call);
      const id = call.params.id.toLowerCase();
      const [revoked] = await tx.run(
        written<TokenRow>(
          sql`update app.api_tokens t set revoked_at = now()
            where t.tenant_id = ${tenantId}::uuid and t.id = ${id}::uuid and t.revoked_at is null`,
          "t",
          columns,
        ).compile(build),
      );
      if (revoked !== undefined) {
        await tx.run(audited(call, { resourceId: id, before: { revoked: false }, after: { revoked: true } }));
        return revoked;
      }
      const [row] = await tx.run(
        sql<TokenRow>`select ${columns} from app.api_tokens t
          where t.tenant_id = ${tenantId}::uuid and t.id = ${id}::uuid`.compile(build),
      );
      if (row === undefined) throw noSuchToken();
      return row;
    }),
};

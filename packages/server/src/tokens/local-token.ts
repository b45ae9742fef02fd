import { userInfo } from "node:os";
import { scopes } from "@tenantctl/contract";
import { build, type Database, SYSTEM_TENANT_ID, sql } from "@tenantctl/database";
import { v7 as uuidv7 } from "uuid";
import { auditRow } from "../audit/audit-row.ts";
import { hashOf, makeApiToken } from "../auth/api-token.ts";
import type { Actor } from "../principal.ts";

/** Whoever acts on the database directly, without the API: `local:<os user>`. */
export const localActor = (): Actor => ({ type: "local", id: null, name: `local:${userInfo().username}` });

const days = 365;

/** Whether a token still opens the API, told without the API. */
export const isTokenValid = async (db: Database, token: string): Promise<boolean> => {
  const rows = await db.operator(undefined, { readOnly: true }).run(
    sql`select from app.operator_tokens t join app.operators o on o.id = t.created_by
        where t.token_hash = ${hashOf(token)} and t.revoked_at is null and o.disabled_at is null
          and (t.expires_at is null or t.expires_at > now() + interval '1 day') and t.scopes @> ${[...scopes]}::text[]`.compile(
      build,
    ),
  );
  return rows.length > 0;
};

/** A token with every scope for the CLI on this machine, in the name of the first operator who can log in. */
export const makeLocalToken = async (db: Database, name: string): Promise<string> => {
  const id = uuidv7();
  const { token, hash } = makeApiToken(null);
  await db.operator(undefined, { tenantId: SYSTEM_TENANT_ID }).transaction(async (tx) => {
    const [made] = await Promise.all([
      tx.run(
        sql<{ id: string }>`insert into app.operator_tokens (id, name, token_hash, scopes, created_by, expires_at)
          select ${id}::uuid, ${name}, ${hash}, ${[...scopes]}::text[], o.id, now() + make_interval(days => ${days}::int)
          from app.operators o where o.disabled_at is null order by o.created_at, o.id limit 1 returning id`.compile(
          build,
        ),
      ),
      tx.run(
        auditRow({
          tenantId: null,
          action: "create",
          resourceType: "token",
          resourceId: id,
          actor: localActor(),
          after: { name, scopes: "all", expiresInDays: days },
        }),
      ),
    ]);
    if (made.length === 0) throw new Error("there is no operator who can log in: run `tenantctl bootstrap`");
  });
  return token;
};

import { build, sql } from "@tenantctl/database";
import type { CompiledQuery } from "kysely";

/** Ends all logins of a tenant, and with `tokens` its tokens and reset secrets for good; says how many could still have been used. */
export const endAccess = (tenantId: string, reason: string, tokens: boolean): CompiledQuery<{ ended: number }> => {
  const sessions = sql`ended_sessions as (
      update app.sessions set ended_at = now(), end_reason = ${reason}
      where tenant_id = ${tenantId}::uuid and ended_at is null returning expires_at)`;
  const usable = sql`(select count(*) from ended_sessions where expires_at > now())`;
  // What would change nothing is left out: Citus fails where one part of a statement concerns no shard.
  if (!tokens) return sql<{ ended: number }>`with ${sessions} select ${usable} as ended`.compile(build);
  return sql<{ ended: number }>`with ${sessions},
    revoked_tokens as (
      update app.api_tokens set revoked_at = now()
      where tenant_id = ${tenantId}::uuid and revoked_at is null returning expires_at),
    used_resets as (
      update app.password_resets set used_at = now() where tenant_id = ${tenantId}::uuid and used_at is null)
    select ${usable} + (select count(*) from revoked_tokens where expires_at is null or expires_at > now()) as ended`.compile(
    build,
  );
};

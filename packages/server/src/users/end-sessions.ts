import { build, sql } from "@tenantctl/database";
import type { CompiledQuery } from "kysely";

/** Ends all logins of a user; a row for each that could still have been used. */
export const endSessions = (tenantId: string, userId: string, reason: string): CompiledQuery<{ id: string }> =>
  sql<{ id: string }>`with ended as (
      update app.sessions set ended_at = now(), end_reason = ${reason}
      where tenant_id = ${tenantId}::uuid and user_id = ${userId}::uuid and ended_at is null returning id, expires_at)
    select id from ended where expires_at > now()`.compile(build);

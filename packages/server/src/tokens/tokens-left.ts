import { sql } from "@tenantctl/database";
import type { RawBuilder } from "kysely";

/** How many tokens of a tenant, or of all tenants, somebody made that still work. */
export const tokensLeft = (type: "user" | "operator", id: string, tenantId?: string): RawBuilder<number> =>
  sql<number>`(select count(*) from app.api_tokens a where a.created_by_type = ${type} and a.created_by = ${id}::uuid
    and a.revoked_at is null and (a.expires_at is null or a.expires_at > now())
    ${tenantId === undefined ? sql`` : sql`and a.tenant_id = ${tenantId}::uuid`})`;

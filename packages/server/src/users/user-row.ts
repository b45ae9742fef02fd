import type { ResultOf, Routes } from "@tenantctl/contract";
import { sql } from "@tenantctl/database";
import { jsonTime } from "../json-time.ts";

export type User = ResultOf<Routes["users.get"]>;

/** A user as the contract writes it. */
export const userColumns = sql`id, name, email, role, disabled_at is not null as disabled,
  must_change_password as "mustChangePassword", ${jsonTime("last_login_at")} as "lastLoginAt",
  ${jsonTime("created_at")} as "createdAt", ${jsonTime("updated_at")} as "updatedAt"`;

/** What a user weighs: only what changes through these routes, so that logging in does not move the counter. */
export const userBytes = sql<number>`pg_column_size(row(id, name, email, role))`;

/** The condition for one user of a tenant. */
export const isUser = (tenantId: string, id: string) => sql`tenant_id = ${tenantId}::uuid and id = ${id}::uuid`;

/** What one user weighs, as an amount of storage. */
export const bytesOfUser = (tenantId: string, id: string) =>
  sql<number>`(select ${userBytes} from app.users where ${isUser(tenantId, id)})`;

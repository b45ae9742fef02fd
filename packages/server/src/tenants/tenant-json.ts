import type { ResultOf, Routes } from "@tenantctl/contract";
import { sql } from "@tenantctl/database";
import type { RawBuilder } from "kysely";
import { jsonTime } from "../json-time.ts";

/** A tenant as the API shows it. */
export type TenantBody = ResultOf<Routes["tenants.list"]>[number];

/** The row `t` of `app.tenants` as the API shows it, built by PostgreSQL: a list of 100,000 passes through as text. */
export const tenantJson: RawBuilder<TenantBody> = sql<TenantBody>`json_build_object('id', t.id, 'slug', t.slug,
  'name', t.name, 'status', t.status, 'plan', t.plan, 'contactEmail', coalesce(t.contact_email, ''),
  'statusReason', t.status_reason, 'statusChangedAt', ${jsonTime("t.status_changed_at")},
  'createdAt', ${jsonTime("t.created_at")}, 'updatedAt', ${jsonTime("t.updated_at")},
  'deletedAt', ${jsonTime("t.deleted_at")}, 'purgeAt', ${jsonTime("t.purge_at")})`;

import { build, sql } from "@tenantctl/database";
import type { CompiledQuery } from "kysely";

/** Notes which of a tenant's quotas fill, after its limits or counters were changed other than by `useQuota`. Locks its counters. */
export const noteFilling = (tenantId: string): CompiledQuery<unknown> =>
  sql`select app.note_filling(${tenantId}::uuid)`.compile(build);

import { build, type QuotaResource, sql } from "@tenantctl/database";
import type { CompiledQuery, RawBuilder } from "kysely";

/**
 * Counts `amount` more (or fewer) of a resource as used, in the transaction of the change. Raises quota_exceeded.
 * It locks the counter until the commit, so it goes last; everybody counts users or customers before storage_bytes.
 */
export const useQuota = (
  tenantId: string,
  resource: QuotaResource,
  amount: number | RawBuilder<number>,
): CompiledQuery<{ use_quota: number }> =>
  sql<{
    use_quota: number;
  }>`select app.use_quota(${tenantId}::uuid, ${resource}::text, (${amount})::bigint)`.compile(build);

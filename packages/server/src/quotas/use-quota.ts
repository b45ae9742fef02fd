import { build, type QuotaResource, sql, template } from "@tenantctl/database";
import type { CompiledQuery, RawBuilder } from "kysely";

interface Used {
  readonly use_quota: number;
}

/** The statement of `useQuota`, to be composed once with a template. */
export const quotaUse = (
  tenantId: string | RawBuilder<unknown>,
  resource: QuotaResource | RawBuilder<unknown>,
  amount: RawBuilder<unknown>,
): RawBuilder<Used> => sql<Used>`select app.use_quota(${tenantId}::uuid, ${resource}::text, (${amount})::bigint)`;

const useAmount = template(["tenantId", "resource", "amount"], ({ tenantId, resource, amount }) =>
  quotaUse(tenantId, resource, amount),
);

/**
 * Counts `amount` more (or fewer) of a resource as used, in the transaction of the change. Raises quota_exceeded.
 * It locks the counter until the commit, so it goes last; everybody counts users or customers before storage_bytes.
 */
export const useQuota = (
  tenantId: string,
  resource: QuotaResource,
  amount: number | RawBuilder<number>,
): CompiledQuery<Used> =>
  typeof amount === "number"
    ? useAmount({ tenantId, resource, amount })
    : quotaUse(tenantId, resource, amount).compile(build);

import { build, type QuotaResource, sql, template } from "@tenantctl/database";
import type { CompiledQuery, RawBuilder } from "kysely";

interface Used {
  readonly use_quota: number;
}

const quotaUse = (
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

/**
 * The statement that counts one more of a resource and what it weighs, as `useQuota` for both in a row. Raises quota_exceeded.
 * It locks both counters until the commit, so it goes last.
 */
export const oneMore = (
  tenantId: string | RawBuilder<unknown>,
  resource: "users" | "customers",
  bytes: RawBuilder<number>,
): RawBuilder<never> => sql<never>`select app.use_one(${tenantId}::uuid, ${sql.lit(resource)}, (${bytes})::bigint)`;

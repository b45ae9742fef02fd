import { ContractError, type Routes } from "@tenantctl/contract";
import { build, type Scope, sql, type Transaction } from "@tenantctl/database";
import { audited } from "../audit/audited.ts";
import type { Call, Handlers } from "../call.ts";
import { jsonTime } from "../json-time.ts";
import { tenantOf } from "../tenant-of.ts";
import { findTenant, noSuchTenant } from "../tenants/find-tenant.ts";
import { refusePartlyRemoved } from "../tenants/hold.ts";
import { operatorInTenant } from "../tenants/operator-in-tenant.ts";
import { noteFilling } from "./note-filling.ts";
import { type QuotaBody, type QuotaRow, quotaBodies, quotaRows } from "./quota-rows.ts";
import { recountQuotas } from "./recount-quotas.ts";

const readQuotas = async (scope: Scope | Transaction, tenantId: string): Promise<QuotaBody[]> => {
  const [row] = await scope.run(
    sql<{
      quotas: QuotaRow[];
    }>`select ${quotaRows(tenantId)} as quotas from app.tenants t where t.id = ${tenantId}::uuid`.compile(build),
  );
  if (row === undefined) throw noSuchTenant();
  return quotaBodies(row.quotas);
};

/** An override as it is stored, compared and audited. */
interface Override {
  readonly resource: string;
  readonly limit: number | null;
  readonly reason: string;
  readonly expiresAt: string | null;
}

const invalid = (path: string, message: string): ContractError =>
  new ContractError("invalid_request", `${path} ${message}.`, "Send either `limit` or `usePlan: true`.", {
    faults: [{ path, message }],
  });

/** The override that a body asks for; null to go back to the plan. Throws invalid_request. */
const wanted = ({
  resource,
  limit,
  usePlan,
  reason,
  expiresAt = null,
}: Call<Routes["quotas.set"]>["body"]): Override | null => {
  if (usePlan === true) {
    if (limit !== undefined) throw invalid("body.limit", "contradicts usePlan");
    if (expiresAt !== null) throw invalid("body.expiresAt", "contradicts usePlan");
    return null;
  }
  if (limit === undefined) throw invalid("body.limit", "is missing");
  if (expiresAt === null) return { resource, limit, reason, expiresAt };
  const end = new Date(expiresAt);
  if (!(end.getTime() > Date.now())) throw invalid("body.expiresAt", "must be in the future");
  return { resource, limit, reason, expiresAt: end.toISOString() };
};

const same = (a: Override | null, b: Override | null): boolean =>
  a === null || b === null ? a === b : a.limit === b.limit && a.expiresAt === b.expiresAt && a.reason === b.reason;

export const quotaHandlers: Handlers<"quotas.get" | "quotas.set" | "quotas.recount"> = {
  "quotas.get": (call) => readQuotas(call.scope, tenantOf(call)),

  "quotas.set": async (call) => {
    const after = wanted(call.body);
    const { resource, reason } = call.body;
    const found = await findTenant(call.scope, call.params.id);
    if (found.status === "deleted") {
      throw new ContractError("tenant_deleted", "This tenant is deleted.", "`tenantctl undelete` brings it back.");
    }
    refusePartlyRemoved(found);
    const { id } = found;
    const row = sql`tenant_id = ${id}::uuid and resource = ${resource}`;
    return operatorInTenant(call, id).transaction(async (transaction) => {
      // The tenant's row is what two of these wait for: there may be no override yet to lock.
      const [, [before = null]] = await Promise.all([
        transaction.run(sql`select from app.tenants where id = ${id}::uuid for update`.compile(build)),
        transaction.run(
          sql<Override>`select resource, quota_limit as "limit", reason, ${jsonTime("expires_at")} as "expiresAt"
            from app.quota_overrides where ${row}`.compile(build),
        ),
      ]);
      if (!same(before, after)) {
        const { type, id: actorId, name } = call.actor;
        await Promise.all([
          transaction.run(
            after === null
              ? sql`delete from app.quota_overrides where ${row}`.compile(build)
              : sql`insert into app.quota_overrides as o (tenant_id, resource, quota_limit, reason, expires_at, set_by, created_at)
                  values (${id}::uuid, ${resource}, ${after.limit}::bigint, ${after.reason}, ${after.expiresAt}::timestamptz,
                    ${JSON.stringify({ type, id: actorId, name })}::jsonb, now())
                  on conflict (tenant_id, resource) do update set quota_limit = excluded.quota_limit,
                    reason = excluded.reason, expires_at = excluded.expires_at, set_by = excluded.set_by,
                    created_at = excluded.created_at`.compile(build),
          ),
          transaction.run(audited(call, { tenantId: id, resourceId: resource, detail: reason, before, after })),
        ]);
        await transaction.run(noteFilling(id));
      }
      return readQuotas(transaction, id);
    });
  },

  "quotas.recount": recountQuotas,
};

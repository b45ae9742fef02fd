import type { ResultOf, Routes } from "@tenantctl/contract";
import { build, type Scope, SYSTEM_TENANT_ID, sql } from "@tenantctl/database";
import { audited } from "../audit/audited.ts";
import type { Call, Handler } from "../call.ts";
import { asContractError } from "../problem.ts";
import { findTenant } from "../tenants/find-tenant.ts";
import { refusePartlyRemoved } from "../tenants/hold.ts";
import { operatorInTenant } from "../tenants/operator-in-tenant.ts";
import { type CountedUse, countedUse, drifted } from "./counted-use.ts";
import { mendCounters } from "./mend-counters.ts";

type Recount = Routes["quotas.recount"];
type Result = ResultOf<Recount>;

/** Tenants of one batch, and after how many milliseconds no further one is begun. */
const atOnce = 500;
const budgetMs = 4000;
/** The second pass finds nothing but where a counter was below what went meanwhile. */
const mostPasses = 5;

interface Tenant {
  readonly id: string;
  readonly slug: string;
}

/** Those under a hold are being removed or replaced just now. */
const batchAfter = (after: string | undefined) =>
  sql<Tenant>`select t.id, t.slug from app.tenants t
    where t.id > ${after ?? SYSTEM_TENANT_ID}::uuid and t.id <> ${SYSTEM_TENANT_ID}::uuid and t.status <> 'purged' and t.hold is null
    order by t.id limit ${sql.lit(atOnce)}`.compile(build);

const byResource = (found: readonly CountedUse[], which: "counter" | "counted"): Record<string, number> =>
  Object.fromEntries(found.map((use) => [use.resource, use[which]]));

/** Mends until a look finds nothing; answers what the first one found. */
const mend = async (call: Call<Recount>, { id }: Tenant): Promise<CountedUse[]> => {
  const all: CountedUse[] = [];
  for (let pass = 1; pass <= mostPasses; pass += 1) {
    const found = await operatorInTenant(call, id).transaction(async (transaction) => {
      const drift = await mendCounters(transaction, id);
      if (drift.length > 0) {
        const change = { before: byResource(drift, "counter"), after: byResource(drift, "counted") };
        await transaction.run(audited(call, { tenantId: id, resourceId: id, ...change }));
      }
      return drift;
    });
    if (found.length === 0) break;
    all.push(...found.filter(({ resource }) => all.every((one) => one.resource !== resource)));
  }
  return all;
};

const recount = async (call: Call<Recount>, scope: Scope, tenant: Tenant, dryRun: boolean) => {
  const seen = drifted(await scope.run(countedUse(tenant.id)));
  const found = seen.length === 0 || dryRun ? seen : await mend(call, tenant);
  return found.map((use) => ({ tenantId: tenant.id, slug: tenant.slug, ...use, mended: !dryRun }));
};

/** Counts one tenant, or a batch of them, and mends what drifted. Throws tenant_not_found. */
export const recountQuotas: Handler<Recount> = async (call): Promise<Result> => {
  const dryRun = call.query.dryRun === true;
  const { tenant, after } = call.body;
  const { scope } = call;
  if (tenant !== undefined) {
    const found = await findTenant(scope, tenant);
    refusePartlyRemoved(found);
    return { dryRun, counted: 1, drifted: await recount(call, scope, found, dryRun), failed: [], next: null };
  }
  const end = performance.now() + budgetMs;
  const batch = await scope.run(batchAfter(after));
  const all: Result["drifted"] = [];
  const failed: Result["failed"] = [];
  let done = 0;
  for (const one of batch) {
    if (done > 0 && performance.now() > end) break;
    done += 1;
    try {
      all.push(...(await recount(call, scope, one, dryRun)));
    } catch (error) {
      const { code, message } = asContractError(error);
      // Without the database or the caller's credentials there is no next one.
      if (code !== "tenant_busy" && code !== "tenant_not_found" && code !== "timeout") throw error;
      if (code !== "tenant_not_found") failed.push({ tenantId: one.id, slug: one.slug, error: message });
    }
  }
  const last = batch[done - 1];
  const more = done < batch.length || batch.length === atOnce;
  return { dryRun, counted: done - failed.length, drifted: all, failed, next: more ? (last?.id ?? null) : null };
};

import { build, countRows, readCatalogue, type Scope, sql } from "@tenantctl/database";
import type { Handlers } from "../call.ts";
import { findTenant } from "../tenants/find-tenant.ts";
import { addUses, heaviestTenants, noUse, useBody, useOverTime } from "./metrics-query.ts";
import { periodOf } from "./period.ts";
import { topTenants } from "./top-tenants.ts";

const minuteMs = 60_000;
const heaviestCount = 10;

/** What a tenant holds: rows counted now, in every table that is exported; bytes as its storage quota counts them. */
const holdings = async (scope: Scope, tenantId: string): Promise<{ rows: number; bytes: number }> => {
  const catalogue = await readCatalogue(scope);
  const [counts, [storage]] = await Promise.all([
    countRows(scope, tenantId, catalogue.exported()),
    scope.run(
      sql<{ used: number }>`select used from app.usage_counters
        where tenant_id = ${tenantId}::uuid and resource = 'storage_bytes'`.compile(build),
    ),
  ]);
  return { rows: Object.values(counts).reduce((sum, count) => sum + count, 0), bytes: storage?.used ?? 0 };
};

export const metricsHandlers: Handlers<"metrics.get" | "metrics.top"> = {
  "metrics.get": async ({ scope, query }) => {
    const period = periodOf(query);
    const tenantId = query.tenantId === undefined ? null : (await findTenant(scope, query.tenantId)).id;
    const [steps, heaviest, held] = await Promise.all([
      scope.run(useOverTime(period, tenantId)),
      tenantId === null ? scope.run(heaviestTenants(period, heaviestCount)) : [],
      tenantId === null ? undefined : holdings(scope, tenantId),
    ]);
    const byStep = new Map(steps.map((use) => [use.step, use]));
    const stepMs = period.stepMinutes * minuteMs;
    const points = Array.from(
      { length: Math.ceil((period.until.getTime() - period.since.getTime()) / stepMs) },
      (_, step) => ({
        at: new Date(period.since.getTime() + step * stepMs).toISOString(),
        ...useBody(byStep.get(step) ?? noUse),
      }),
    );
    return {
      tenantId,
      since: period.since.toISOString(),
      until: period.until.toISOString(),
      stepMinutes: period.stepMinutes,
      totals: useBody(addUses(steps)),
      points,
      rows: held?.rows ?? null,
      bytes: held?.bytes ?? null,
      heaviest: heaviest.map((use) => ({ tenantId: use.tenantId, slug: use.slug, ...useBody(use) })),
    };
  },
  "metrics.top": topTenants,
};

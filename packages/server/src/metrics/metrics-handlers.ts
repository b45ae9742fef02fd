import { ContractError } from "@tenantctl/contract";
import { build, countRows, readCatalogue, type Scope, sql } from "@tenantctl/database";
import type { Handlers } from "../call.ts";
import { findTenant } from "../tenants/find-tenant.ts";
import { addUses, heaviestTenants, noUse, type Period, useBody, useOverTime } from "./metrics-query.ts";

const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;
const longestDays = 31;
const lastTime = Date.UTC(9999, 11, 31);
const mostPoints = 2000;
const heaviestCount = 10;

const invalid = (detail: string, hint: string): ContractError => new ContractError("invalid_request", detail, hint);

const timeOf = (text: string | undefined, fallback: number): number => {
  const time = text === undefined ? fallback : Date.parse(text);
  if (Number.isNaN(time)) throw invalid(`${text} is no time.`, "Write it as 2026-01-31T12:00:00Z.");
  return time;
};

/** Throws invalid_request unless the period is one that can be answered. */
const periodOf = (query: { since?: string; until?: string; stepMinutes?: number }): Period => {
  const until = timeOf(query.until, Date.now());
  const since = Math.floor(timeOf(query.since, until - dayMs) / minuteMs) * minuteMs;
  const { stepMinutes = 60 } = query;
  // Times are written with a year of four digits.
  if (since < 0 || until > lastTime) throw invalid("That is no time this system has seen.", "Ask for a later `since`.");
  if (since >= until) throw invalid("`since` is not before `until`.", "Swap them, or leave `until` out.");
  if (until - since > longestDays * dayMs + minuteMs) {
    throw invalid(
      `More than ${longestDays} days were asked for.`,
      "Ask for a shorter time; minutes are kept for 35 days.",
    );
  }
  if ((until - since) / (stepMinutes * minuteMs) > mostPoints) {
    throw invalid(`That would be more than ${mostPoints} points.`, "Ask for a larger `stepMinutes`.");
  }
  return { since: new Date(since), until: new Date(until), stepMinutes };
};

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

export const metricsHandlers: Handlers<"metrics.get"> = {
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
};

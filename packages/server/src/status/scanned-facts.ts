import type { ResultOf, Routes } from "@tenantctl/contract";
import { build, type Database, type Scope, SYSTEM_TENANT_ID, sql } from "@tenantctl/database";
import { systemFacts } from "../backups/read-facts.ts";
import { nearLimit } from "../quotas/near-limit.ts";

type Status = ResultOf<Routes["status.get"]>;
export type ScannedFacts = Pick<Status, "tenants" | "quotasNearLimit" | "quotasNearLimitTotal" | "backups">;

/** Up to so many tenants these facts are read each time. */
const fewTenants = 1000;
/** Beyond, they are kept for so many times as long as reading them took: a twentieth of one connection, at the most. */
const keptFor = 20;
const keptAtMostMs = 60_000;

interface Kept {
  readonly facts: ScannedFacts;
  readonly until: number;
}

const kept = new WeakMap<Database, Kept>();
const underWay = new WeakMap<Database, Promise<ScannedFacts>>();

const tenantsByStatus = sql<{ status: string; tenants: number }>`select status, count(*) as tenants from app.tenants
  where id <> ${SYSTEM_TENANT_ID}::uuid group by status`.compile(build);

const read = async (scope: Scope): Promise<ScannedFacts> => {
  const [tenants, near, [backups]] = await scope.batch([tenantsByStatus, nearLimit(10), systemFacts]);
  if (backups === undefined) throw new Error("totals without a group are one row");
  return {
    tenants: Object.fromEntries(tenants.map((row) => [row.status, row.tenants])),
    quotasNearLimit: near.map(({ total: _, ...quota }) => quota),
    quotasNearLimitTotal: near[0]?.total ?? 0,
    backups,
  };
};

/**
 * What can only be known by looking at every tenant. Watching a large system must not keep it busy: the answer is
 * shared by those who ask meanwhile and kept for a while. The caller has checked that it may be seen.
 */
export const scannedFacts = async (db: Database, scope: Scope): Promise<ScannedFacts> => {
  const last = kept.get(db);
  const now = performance.now();
  if (last !== undefined && now < last.until) return last.facts;
  const reading =
    underWay.get(db) ??
    read(scope).finally(() => {
      underWay.delete(db);
    });
  underWay.set(db, reading);
  const facts = await reading;
  const tenants = Object.values(facts.tenants).reduce((sum, count) => sum + count, 0);
  const took = performance.now() - now;
  if (tenants > fewTenants) kept.set(db, { facts, until: now + took + Math.min(keptAtMostMs, keptFor * took) });
  return facts;
};

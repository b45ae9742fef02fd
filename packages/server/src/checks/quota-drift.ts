import { build, sql } from "@tenantctl/database";
import type { Looking } from "./check.ts";
import { plural, some } from "./wording.ts";

const most = 5;

const drift = sql<{ slug: string; resource: string; counter: number; counted: number; total: number }>`select t.slug,
    d.resource, d.counter, d.counted, count(*) over () as total
  from app.quota_drift d join app.tenants t on t.id = d.tenant_id and t.status <> 'purged'
  order by d.found_at, t.slug, d.resource limit ${sql.lit(most)}`.compile(build);

/** What the hourly look found of counters that are not what is there; undefined where they all are. */
export const quotaDrift = async ({ ask }: Looking): Promise<{ lines: string[]; next: string } | undefined> => {
  const found = await ask(drift);
  const [first] = found;
  if (first === undefined) return undefined;
  const lines = found.map(
    ({ slug, resource, counter, counted }) =>
      `  ${slug}: ${resource.replaceAll("_", " ")} says ${counter}, there are ${counted}`,
  );
  return {
    lines: [`${plural(first.total, "counter")} of quotas drifted:`, ...some(lines, first.total, most)],
    next: first.total === 1 ? `tenantctl quotas recount ${first.slug}` : "tenantctl quotas recount",
  };
};

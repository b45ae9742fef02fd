import { build, SYSTEM_TENANT_ID, sql } from "@tenantctl/database";
import type { Found, Looking } from "./check.ts";
import { quotaDrift } from "./quota-drift.ts";
import { minute, plural, some, worst } from "./wording.ts";

interface Change {
  readonly what: string;
  readonly slug: string;
  readonly reason: string | null;
  readonly total: number;
}

const ours = sql`t.id <> ${sql.lit(SYSTEM_TENANT_ID)}::uuid`;

const byStatus = sql<{
  status: string;
  tenants: number;
  stale: number;
  due: number;
}>`select t.status, count(*) as tenants,
    count(*) filter (where t.status = 'suspended' and t.status_changed_at < now() - interval '30 days') as stale,
    count(*) filter (where t.status = 'deleted' and t.purge_at < now() + interval '7 days') as due
  from app.tenants t where ${ours} group by t.status order by tenants desc, t.status`.compile(build);

/** The newest of each kind, at most five. */
const changesSince = (since: string) =>
  sql<Change>`select what, slug, reason, total from (
      select c.*, count(*) over (partition by what) as total, row_number() over (partition by what order by at desc, slug) as place
      from (select 'provisioned' as what, t.slug, null::text as reason, t.created_at as at from app.tenants t
          where ${ours} and t.created_at >= ${since}::timestamptz
        union all select 'now ' || t.status, t.slug, t.status_reason, t.status_changed_at from app.tenants t
          where ${ours} and t.status_changed_at >= ${since}::timestamptz and t.status_changed_at > t.created_at + interval '1 second') c) r
    where place <= 5 order by what = 'provisioned' desc, what, place`.compile(build);

export const tenantStatuses = async (looking: Looking): Promise<Found> => {
  const { ask, since } = looking;
  const [statuses, changes] = [await ask(byStatus), await ask(changesSince(since))];
  const drift = await quotaDrift(looking);
  if (statuses.length === 0) return { result: "ok", evidence: ["there are no tenants yet"] };
  const kinds = [...new Set(changes.map(({ what }) => what))];
  const changed = kinds.map((what) => {
    const of = changes.filter((change) => change.what === what);
    const named = of.map(({ slug, reason }) => (reason === null ? slug : `${slug} (${reason.slice(0, 80)})`));
    return `${of[0]?.total ?? 0} ${what}: ${some(named, of[0]?.total ?? 0, 5).join(", ")}`;
  });
  const stale = statuses.reduce((sum, row) => sum + row.stale, 0);
  const due = statuses.reduce((sum, row) => sum + row.due, 0);
  return {
    result: worst([drift === undefined ? "ok" : "warning", changed.length + stale + due > 0 ? "needs_person" : "ok"]),
    evidence: [
      statuses.map(({ status, tenants }) => `${tenants} ${status}`).join(", "),
      ...(changed.length === 0 ? [`nothing changed since ${minute(since)}`] : [`since ${minute(since)}:`, ...changed]),
      ...(stale > 0 ? [`${plural(stale, "tenant")} suspended for more than 30 days`] : []),
      ...(due > 0 ? [`the data of ${plural(due, "deleted tenant")} goes for good within 7 days`] : []),
      ...(drift?.lines ?? []),
    ],
    next:
      drift?.next ??
      (due > 0
        ? "tenantctl list --status deleted"
        : stale > 0
          ? "tenantctl list --status suspended"
          : changed.length > 0
            ? "tenantctl list"
            : undefined),
    figures: [
      {
        title: "Tenants by status",
        kind: "bars",
        unit: "count",
        labels: statuses.map(({ status }) => status),
        series: [{ name: "tenants", values: statuses.map(({ tenants }) => tenants) }],
      },
    ],
  };
};

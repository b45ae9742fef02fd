import { build, sql } from "@tenantctl/database";
import type { Found, Looking } from "./check.ts";
import { plural, some } from "./wording.ts";

interface Done {
  readonly action: string;
  readonly actor: string;
  readonly times: number;
  readonly tenants: readonly string[];
  readonly named: number;
}

/** As the index audit_log_to_review has it. */
const reviewed = sql`l.action in ('export', 'delete', 'restore', 'import', 'drop') and l.resource_type in ('tenant', 'audit_log', 'system')`;

/** What takes data out or away, by who did it. */
const doneSince = (since: string) =>
  sql<Done>`select d.action, d.actor, d.times, d.slugs[1:4] as tenants, cardinality(d.slugs) as named
    from (select l.action, coalesce(l.actor_name, l.actor_type) as actor, count(*) as times,
        coalesce(array_agg(distinct t.slug) filter (where t.slug <> 'system'), '{}') as slugs
      from app.audit_log l left join app.tenants t on t.id = l.tenant_id
      where l.at >= ${since}::timestamptz and l.outcome = 'success' and ${reviewed}
        and not app.is_canary(l.tenant_id)
      group by l.action, coalesce(l.actor_name, l.actor_type)) d
    order by d.action = 'delete' desc, d.times desc limit 12`.compile(build);

const newPeople = (since: string) =>
  sql<{ what: string; name: string; total: number }>`select n.what, n.name, count(*) over (partition by n.what) as total
    from (select 'operator' as what, email as name, created_at from app.operators where created_at >= ${since}::timestamptz
      union all select 'operator token', name, created_at from app.operator_tokens where created_at >= ${since}::timestamptz) n
    order by n.what, n.created_at desc limit 12`.compile(build);

const verbs: Readonly<Record<string, string>> = {
  export: "exported",
  delete: "deleted",
  restore: "restored",
  import: "imported",
  drop: "dropped old audit rows",
};

/** New operators and their tokens, exports, deletions: somebody should know why each of them was. */
export const reviewedChanges = async ({ ask, since }: Looking): Promise<Found> => {
  const [people, done] = [await ask(newPeople(since)), await ask(doneSince(since))];
  const kinds = [...new Set(people.map(({ what }) => what))];
  const created = kinds.map((what) => {
    const of = people.filter((one) => one.what === what);
    const total = of[0]?.total ?? 0;
    return `${plural(total, `new ${what}`)}: ${some(
      of.map(({ name }) => name),
      total,
      6,
    ).join(", ")}`;
  });
  const taken = done.map(({ action, actor, times, tenants, named }) => {
    const whose = named === 0 ? "" : `: ${some(tenants, named, 4).join(", ")}`;
    return `${actor} ${verbs[action] ?? action}${action === "drop" ? "" : ` ${plural(times, "time")}`}${whose}`;
  });
  const nothing = created.length + taken.length === 0;
  return {
    result: nothing ? "ok" : "needs_person",
    evidence: nothing ? ["no new operator, export or deletion"] : [...created, ...taken],
    next: nothing
      ? undefined
      : done.some(({ action }) => action === "delete")
        ? "tenantctl audit --action delete"
        : "tenantctl audit",
  };
};

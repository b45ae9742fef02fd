import { build, sql } from "@tenantctl/database";
import type { Found, Looking } from "./check.ts";
import { minute, plural, some } from "./wording.ts";

interface Kind {
  readonly fingerprint: string;
  readonly error: string;
  readonly place: string;
  readonly occurrences: number;
  readonly tenants: number;
  readonly isNew: boolean;
  readonly newKinds: number;
  readonly kinds: number;
}

/** Kinds of unexpected error that came since then and that nobody has resolved, new ones first. */
const kindsSince = (since: string, lastRun: string) =>
  sql<Kind>`select g.*, count(*) filter (where g."isNew") over () as "newKinds", count(*) over () as kinds
    from (select fingerprint, error, place, occurrences, cardinality(tenant_ids) as tenants, last_seen_at,
        (first_seen_at >= ${lastRun}::timestamptz or coalesce(reopened_at >= ${lastRun}::timestamptz, false)) as "isNew"
      from app.error_groups where last_seen_at >= ${since}::timestamptz and not expected and resolved_at is null) g
    order by g."isNew" desc, g.last_seen_at desc limit 8`.compile(build);

export const recentErrors = async ({ ask, since, lastRun }: Looking): Promise<Found> => {
  const kinds = await ask(kindsSince(since, lastRun));
  const [first] = kinds;
  if (first === undefined) return { result: "ok", evidence: [`no unexpected error since ${minute(since)}`] };
  const lines = kinds.map(
    ({ error, place, occurrences, tenants, isNew }) =>
      `${isNew ? "new: " : ""}${error} in ${place}, ${plural(occurrences, "time")} in all, ${plural(tenants, "tenant")}`,
  );
  return {
    result: first.newKinds > 0 ? "problem" : "warning",
    evidence: [
      `${plural(first.kinds, "kind")} of unexpected error since ${minute(since)}, ${first.newKinds} new since the run before`,
      ...some(lines, first.kinds),
    ],
    next: `tenantctl logs errors show ${first.fingerprint}`,
  };
};

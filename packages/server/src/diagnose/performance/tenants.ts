import { build, SYSTEM_TENANT_ID, sql } from "@tenantctl/database";
import { plural, whole } from "../../checks/wording.ts";
import { useWithin } from "../../metrics/metrics-query.ts";
import { periodOf } from "../../metrics/period.ts";
import { durationText, type Looking, type Seen } from "./look.ts";

interface Heavy {
  readonly slug: string;
  readonly requests: number;
  readonly ms: number;
  readonly share: number | null;
}

/** A tenant that keeps the system busy for more than half of the time of all is worth a look. */
const mostShare = 0.5;
const fewestSeconds = 600;

const heaviest = () =>
  sql<Heavy>`select t.slug, m.requests, m.ms, (m.ms / nullif(sum(m.ms) over (), 0))::float8 as share
    from (select tenant_id, sum(requests)::bigint as requests, sum(duration_ms)::bigint as ms
      from ${useWithin(periodOf({ stepMinutes: 24 * 60 }))} m where tenant_id <> ${SYSTEM_TENANT_ID}::uuid group by tenant_id) m
    join app.tenants t on t.id = m.tenant_id order by m.ms desc, t.slug limit 5`.compile(build);

/** Who keeps the system busy. */
export const tenants = async ({ ask }: Looking): Promise<Seen> => {
  const rows = await ask(heaviest());
  const [first] = rows;
  if (first === undefined) return { result: "ok", evidence: ["no tenant made a request within 24 hours"] };
  const isHeavy = rows.length > 1 && (first.share ?? 0) > mostShare && first.ms > fewestSeconds * 1000;
  return {
    result: isHeavy ? "warning" : "ok",
    evidence: rows.map(
      ({ slug, requests, ms, share }) =>
        `${slug}: ${whole((share ?? 0) * 100)} % of the time of all requests, ${durationText(ms / 1000)}, ${plural(requests, "request")}`,
    ),
    next: isHeavy ? `tenantctl metrics ${first.slug} --since 24h` : undefined,
  };
};

import { sql } from "@tenantctl/database";
import type { RawBuilder } from "kysely";
import type { AlertMetric, Reading } from "./alert-metric.ts";

/** A host that has said nothing for this long is gone, and what it saw with it. */
const freshMinutes = 10;
const fresh = sql`r.read_at > now() - make_interval(mins => ${sql.lit(freshMinutes)})`;

interface Seen {
  readonly name: string;
  readonly about: string;
  readonly unit: string;
  readonly comparison: AlertMetric["comparison"];
  /** Over `r`, a row of host_readings. */
  readonly summary: RawBuilder<string>;
  readonly next: RawBuilder<string>;
}

const seen: readonly Seen[] = [
  {
    name: "disk_used",
    unit: "%",
    about: "of the disk under the data folder of each host of the API",
    comparison: "atLeast",
    summary: sql`format('%s %% of the disk under %s on %s is used', floor(r.value), r.subject, r.host)`,
    next: sql`format('df -h %s', r.subject)`,
  },
  {
    name: "database_disk_used",
    unit: "%",
    about: "of the disk under the embedded PostgreSQL; of one elsewhere nothing can be seen",
    comparison: "atLeast",
    summary: sql`format('%s %% of the disk under the database in %s on %s is used', floor(r.value), r.subject, r.host)`,
    next: sql`format('df -h %s', r.subject)`,
  },
  {
    name: "certificate_days_left",
    unit: "days",
    about: "until the TLS certificate expires that PostgreSQL, or the address in TENANTCTL_PUBLIC_URL, shows",
    comparison: "atMost",
    summary: sql`format('the certificate of %s %s', r.subject, case when r.value <= 0 then 'has expired'
      else format('expires in %s days', floor(r.value)) end)`,
    next: sql`format('openssl s_client -connect %s </dev/null', r.subject)`,
  },
  {
    name: "redis_away",
    unit: "seconds",
    about: "that Redis has not answered a host of the API, which counts its rate limits alone meanwhile",
    comparison: "atLeast",
    summary: sql`format('Redis at %s has not answered %s for %s s: its rate limits are counted for each process', r.subject,
      r.host, floor(r.value))`,
    next: sql`format('redis-cli -h %s -p %s ping', split_part(r.subject, ':', 1), split_part(r.subject, ':', 2))`,
  },
];

/** What each process of the API wrote down last (see host-readings.ts). Hosts that see the same certificate make one alert of it. */
const ofHosts = ({ name, about, unit, comparison, summary, next }: Seen): AlertMetric => ({
  unit,
  about,
  comparison,
  cost: "reads a row per host of the API",
  unavailable: sql<string | null>`case when not exists (
      select from app.host_readings r where r.metric = ${sql.lit(name)} and r.value is not null and ${fresh})
    then coalesce((select string_agg(distinct r.problem, '; ') from app.host_readings r where r.metric = ${sql.lit(name)} and ${fresh}),
      ${sql.lit(`no process of the API has reported it in the last ${freshMinutes} minutes`)}) end`,
  find: () => sql<Reading>`select distinct on (subject) * from (
      select case when ${sql.lit(name)} = 'certificate_days_left' then r.subject else r.host || ':' || r.subject end as subject,
        null::uuid as "tenantId", r.value, ${summary} as summary,
        r.evidence || jsonb_build_object('host', r.host, 'readAt', r.read_at) as evidence, ${next} as next
      from app.host_readings r where r.metric = ${sql.lit(name)} and r.value is not null and ${fresh}) s
    order by subject, value`,
});

export const hostMetrics: Readonly<Record<string, AlertMetric>> = Object.fromEntries(
  seen.map((what) => [what.name, ofHosts(what)]),
);

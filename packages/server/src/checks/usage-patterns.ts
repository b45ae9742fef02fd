import { build, SYSTEM_TENANT_ID, sql } from "@tenantctl/database";
import type { Found, Looking } from "./check.ts";
import { plural, some, whole } from "./wording.ts";

const days = 30;
const most = 10;
const month = sql`d.day > (now() at time zone 'UTC')::date - ${sql.lit(days)} and d.day <= (now() at time zone 'UTC')::date`;
/** Every tenant that is not purged, with its requests of the month: one pass over the days' counters. */
const used = sql`(select t.slug, t.plan, t.status, t.created_at, coalesce(u.requests, 0)::bigint as requests from app.tenants t
  left join (select d.tenant_id, sum(d.api_requests) as requests from app.usage_days d where ${month} group by d.tenant_id) u on u.tenant_id = t.id
  where t.id <> ${sql.lit(SYSTEM_TENANT_ID)}::uuid and t.status <> 'purged')`;

const byPlan = sql<{
  plan: string;
  tenants: number;
  requests: number;
  idle: number;
}>`select u.plan, count(*) as tenants,
    sum(u.requests)::bigint as requests, count(*) filter (where u.requests = 0 and u.status = 'active'
      and u.created_at < now() - make_interval(days => ${sql.lit(days)})) as idle
  from ${used} u group by u.plan order by requests desc, u.plan limit 20`.compile(build);

const heaviest = sql<{ slug: string; requests: number }>`select u.slug, u.requests from ${used} u where u.requests > 0
  order by u.requests desc, u.slug limit ${sql.lit(most)}`.compile(build);

const byHour = sql<{
  hour: number;
  requests: number;
  hours: number;
}>`select extract(hour from h.hour at time zone 'UTC')::int as hour,
    avg(h.requests)::float8 as requests, count(*) as hours
  from app.hourly_requests h where h.hour > now() - make_interval(days => ${sql.lit(days)}) and h.hour <= now()
  group by 1 order by 1`.compile(build);

const clock = (hour: number): string => `${String(hour).padStart(2, "0")}:00`;

export const usagePatterns = async ({ ask }: Looking): Promise<Found> => {
  const [plans, tenants, hours] = [await ask(byPlan), await ask(heaviest), await ask(byHour)];
  const total = plans.reduce((sum, { requests }) => sum + requests, 0);
  const idle = plans.reduce((sum, plan) => sum + plan.idle, 0);
  const share = (requests: number): string => `${total === 0 ? 0 : Math.round((requests * 100) / total)} %`;
  const busiest = hours.reduce((top, one) => (one.requests > top.requests ? one : top), {
    hour: 0,
    requests: 0,
    hours: 0,
  });
  const quietest = hours.reduce((low, one) => (one.requests < low.requests ? one : low), busiest);
  const [first] = tenants;
  return {
    result: "ok",
    evidence: [
      `${plural(total, "request")} about tenants within ${days} days`,
      ...plans.map(
        ({ plan, tenants: count, requests }) =>
          `plan ${plan}: ${plural(count, "tenant")}, ${plural(requests, "request")}, ${share(requests)}`,
      ),
      ...(first === undefined
        ? []
        : [
            `heaviest: ${some(
              tenants.slice(0, 3).map(({ slug, requests }) => `${slug} ${share(requests)}`),
              3,
              3,
            ).join(", ")}`,
          ]),
      busiest.requests === 0
        ? "by hour: nothing was counted yet"
        : `by hour (UTC): the most at ${clock(busiest.hour)}, ${whole(busiest.requests)} requests on average; the least at ${clock(quietest.hour)}, ${whole(quietest.requests)}`,
      ...(idle > 0 ? [`${plural(idle, "active tenant")} made no request within ${days} days`] : []),
    ],
    next: first === undefined ? undefined : "tenantctl metrics top --since 30d",
    figures: [
      {
        title: `Requests by plan, ${days} days`,
        kind: "bars",
        unit: "count",
        labels: plans.map(({ plan }) => plan),
        series: [{ name: "requests", values: plans.map(({ requests }) => requests) }],
      },
      {
        title: `Tenants with the most requests, ${days} days`,
        kind: "ranking",
        unit: "count",
        labels: tenants.map(({ slug }) => slug),
        series: [{ name: "requests", values: tenants.map(({ requests }) => requests) }],
      },
      {
        title: `Requests by hour of the day (UTC), average of ${days} days`,
        kind: "bars",
        unit: "count",
        labels: Array.from({ length: 24 }, (_, hour) => clock(hour)),
        series: [
          {
            name: "requests",
            values: Array.from({ length: 24 }, (_, hour) => {
              const found = hours.find((one) => one.hour === hour);
              return found === undefined ? null : Math.round(found.requests);
            }),
          },
        ],
      },
    ],
  };
};

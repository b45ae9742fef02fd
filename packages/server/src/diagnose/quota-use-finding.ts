import type { QuotaResource } from "@tenantctl/contract";
import { amountOf } from "../checks/quota-use.ts";
import { bytes, plural, whole } from "../checks/wording.ts";
import type { QuotaRow } from "../quotas/quota-rows.ts";
import type { Finding } from "./diagnosis.ts";
import type { QuotaFacts } from "./quota-facts.ts";

/** Fewer days say more about the days than about the rate. */
const fewestPoints = 7;
/** A line that explains less than this is no ground for a date. */
const fewestR2 = 0.3;
const soonDays = 30;
/** From where on a quota is near its limit, in percent. */
export const nearPercent = 80;

export const nameOf = (resource: QuotaResource): string =>
  resource === "storage_bytes" ? "storage" : resource === "api_requests_per_day" ? "API requests today" : resource;

export const percentOf = ({ used, limit }: Pick<QuotaRow, "used" | "limit">): number =>
  limit === null ? 0 : limit === 0 ? (used === 0 ? 0 : 100) : Math.floor((used * 100) / limit);

/** Days until it is full at this rate; undefined where no line says so. */
export const daysLeft = ({ trends }: QuotaFacts, { resource, used, limit }: QuotaRow): number | undefined => {
  const trend = trends.find((one) => one.resource === resource);
  if (limit === null || trend === undefined || trend.slope === null || trend.slope <= 0) return undefined;
  if (trend.points < fewestPoints || (trend.r2 ?? 0) < fewestR2) return undefined;
  return Math.max(0, (limit - used) / trend.slope);
};

const trendLine = (facts: QuotaFacts, quota: QuotaRow): string => {
  const trend = facts.trends.find(({ resource }) => resource === quota.resource);
  const points = trend?.points ?? 0;
  if (trend === undefined || trend.slope === null || points < fewestPoints)
    return `no trend yet: ${plural(points, "day")} of history, ${fewestPoints} are needed`;
  const { slope, r2 } = trend;
  const amount = Math.abs(slope) < 1 ? Math.abs(slope).toFixed(2) : amountOf(quota.resource, Math.abs(slope));
  const fit = `${slope < 0 ? "−" : "+"}${amount} a day, ${plural(points, "day")}, r² ${(r2 ?? 0).toFixed(2)}`;
  const days = daysLeft(facts, quota);
  if (days === undefined)
    return slope > 0 && quota.limit !== null ? `no line fits: ${fit}` : `does not grow towards a limit: ${fit}`;
  return days > 3650
    ? `not full within ten years at this rate (${fit})`
    : `at this rate full in ${plural(days, "day")}, on ${new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10)} (${fit})`;
};

const consumers = (facts: QuotaFacts, resource: QuotaResource): string[] => {
  const { counted, users, largest, requestDays, newCustomerDays, routeGroups, tables } = facts;
  switch (resource) {
    case "users":
      return [
        `${whole(users.disabled)} disabled, ${whole(users.neverIn)} never logged in, ${whole(users.idle)} not for 90 days`,
      ];
    case "customers":
      return newCustomerDays.length === 0
        ? ["none was made within 30 days"]
        : [`most were made on ${newCustomerDays.map(({ day, made }) => `${day} (${whole(made)})`).join(", ")}`];
    case "storage_bytes":
      return [
        `customers take ${bytes(counted.customerBytes)}, users ${bytes(counted.userBytes)}`,
        ...(largest.length > 0
          ? [`largest customers: ${largest.map((one) => `${one.id} (${bytes(one.bytes)})`).join(", ")}`]
          : []),
        `rows: ${tables
          .filter(([, rows]) => rows > 0)
          .slice(0, 5)
          .map(([name, rows]) => `${name} ${whole(rows)}`)
          .join(", ")}`,
      ];
    default:
      return [
        ...(requestDays.length > 0
          ? [`busiest days: ${requestDays.map(({ day, requests }) => `${day} (${whole(requests)})`).join(", ")}`]
          : []),
        ...(routeGroups.length > 0
          ? [
              `by route, 24 hours: ${routeGroups.map(({ name, requests }) => `${name || "other"} ${whole(requests)}`).join(", ")}`,
            ]
          : []),
      ];
  }
};

/** Where the counter is not what is there. */
const driftLines = ({ drift }: QuotaFacts, { resource }: QuotaRow): string[] =>
  drift
    .filter((one) => one.resource === resource)
    .map(({ counter, counted }) => `the counter says ${whole(counter)}, there are ${whole(counted)}`);

/** A quota's use, when it will be full, and what uses it. */
export const quotaUseFinding = (facts: QuotaFacts, slug: string, quota: QuotaRow): Finding => {
  const { resource, used, limit, source, expiresAt } = quota;
  const percent = percentOf(quota);
  const days = daysLeft(facts, quota);
  const isFull = limit !== null && used >= limit;
  const drifts = driftLines(facts, quota);
  const soon = percent >= nearPercent || (days !== undefined && days < soonDays) || drifts.length > 0;
  const whence =
    source === "plan"
      ? `of the plan ${facts.plan}`
      : `an override${expiresAt === null ? "" : ` until ${expiresAt.slice(0, 10)}`}`;
  return {
    id: resource,
    title: `Quota of ${nameOf(resource)}`,
    result: isFull ? "problem" : soon ? "warning" : "ok",
    evidence: [
      limit === null
        ? `${amountOf(resource, used)} used, unlimited (${whence})`
        : `${amountOf(resource, used)} of ${amountOf(resource, limit)} used, ${percent} % (${whence})`,
      trendLine(facts, quota),
      ...drifts,
      ...consumers(facts, resource),
    ],
    next: drifts.length > 0 ? `tenantctl quotas recount ${slug}` : undefined,
    because: isFull ? `${nameOf(resource)}: ${amountOf(resource, used)} of ${amountOf(resource, limit)}` : undefined,
  };
};

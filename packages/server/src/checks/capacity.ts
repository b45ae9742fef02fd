import type { CheckResult, Figure } from "@tenantctl/contract";
import type { Found, Looking } from "./check.ts";
import { type DailyFacts, dailyFacts } from "./daily-facts.ts";
import { linearFit } from "./linear-fit.ts";
import { quotaDrift } from "./quota-drift.ts";
import { type QuotaForecast, quotaForecasts, tenantsWithHistory } from "./quota-forecast.ts";
import { amountOf } from "./quota-use.ts";
import { bytes, plural, some, whole, worst } from "./wording.ts";

const historyDays = 90;
/** Fewer days say more about the days than about the rate. */
const fewestPoints = 7;
/** A line that explains less than this is no ground for a plan. */
const fewestR2 = 0.3;
const soonDays = 30;
const planDays = 90;
const dayMs = 86_400_000;

interface Resource {
  readonly name: string;
  readonly used: (facts: DailyFacts) => number | null;
  readonly limit: (facts: DailyFacts) => number | null;
  readonly unit: Figure["unit"];
  readonly text: (value: number) => string;
  readonly next: string;
}

const resources: readonly Resource[] = [
  {
    name: "disk",
    used: ({ diskBytes }) => diskBytes,
    limit: ({ diskLimitBytes }) => diskLimitBytes,
    unit: "bytes",
    text: bytes,
    next: "tenantctl metrics top --by storage",
  },
  {
    name: "connections",
    used: ({ connections }) => connections,
    limit: ({ connectionsLimit }) => connectionsLimit,
    unit: "count",
    text: whole,
    next: "tenantctl alerts rules test database_connections",
  },
];

interface Outlook {
  readonly result: CheckResult;
  readonly lines: readonly string[];
  readonly next?: string;
  readonly figure?: Omit<Figure, "item">;
}

const dayOf = ({ day }: DailyFacts): number => Date.parse(day) / dayMs;
const inDays = (from: number, days: number): string => new Date((from + days) * dayMs).toISOString().slice(0, 10);
const perDay = (slope: number, text: (value: number) => string): string =>
  `${slope < 0 ? "−" : "+"}${Math.abs(slope) < 1 ? Math.abs(slope).toFixed(2) : text(Math.abs(slope))} a day`;

/** When a resource runs out at its rate, with the line that says so. */
const outlook = (days: readonly DailyFacts[], { name, used, limit, unit, text, next }: Resource): Outlook => {
  const known = days.filter((facts) => used(facts) !== null);
  const latest = known.at(-1);
  const most = latest === undefined ? null : limit(latest);
  if (latest === undefined || most === null)
    return { result: "needs_person", lines: [`${name}: not seen from here; watch it where the database runs`] };
  const value = used(latest) ?? 0;
  const share = Math.floor((value * 100) / most);
  const now = `${name}: ${text(value)} of ${text(most)}, ${share} %`;
  const full: CheckResult = share >= 95 ? "problem" : share >= 85 ? "warning" : "ok";
  const fit = linearFit(known.map((facts) => [dayOf(facts), used(facts) ?? 0] as const));
  const line = fit === undefined ? undefined : known.map((facts) => fit.intercept + fit.slope * dayOf(facts));
  const figure = {
    title: `${name[0]?.toUpperCase()}${name.slice(1)}: measured, and the line through it`,
    kind: "line" as const,
    unit,
    labels: known.map(({ day }) => day),
    series: [
      { name: "measured", values: known.map(used) },
      ...(line === undefined || known.length < fewestPoints ? [] : [{ name: "line", values: line }]),
    ],
  };
  if (fit === undefined || fit.points < fewestPoints) {
    return {
      result: worst([full, "needs_person"]),
      lines: [now, `  not enough history to say when it runs out: ${plural(known.length, "day")} of ${fewestPoints}`],
      next: full === "ok" ? "" : next,
      figure,
    };
  }
  const shown = `${plural(fit.points, "point")}, slope ${perDay(fit.slope, text)}, r² ${fit.r2.toFixed(2)}`;
  if (fit.slope <= 0) return { result: full, lines: [now, `  does not grow (${shown})`], next, figure };
  if (fit.r2 < fewestR2) {
    return { result: full, lines: [now, `  no line fits: do not plan by it (${shown})`], next, figure };
  }
  const left = (most - value) / fit.slope;
  const ends =
    left > 3650 ? "not within ten years" : `in ${whole(Math.max(0, left))} days, on ${inDays(dayOf(latest), left)}`;
  const soon: CheckResult = left < soonDays ? "problem" : left < planDays ? "warning" : "ok";
  return { result: worst([full, soon]), lines: [now, `  at this rate it runs out ${ends} (${shown})`], next, figure };
};

const quotaLine = ({ slug, resource, points, slope, r2, days }: QuotaForecast): string =>
  `  ${slug}: ${resource.replaceAll("_", " ")} in ${whole(days)} days (${plural(points, "point")}, slope ${perDay(slope, (value) => amountOf(resource, value))}, r² ${r2.toFixed(2)})`;

/** Tenants' quotas: those that are used up within a month. */
const quotaOutlook = async ({ ask }: Looking): Promise<Outlook> => {
  const [soon, [history]] = [
    await ask(quotaForecasts(fewestPoints, fewestR2, soonDays)),
    await ask(tenantsWithHistory(fewestPoints)),
  ];
  const enough = history?.enough ?? 0;
  const [first] = soon;
  if (first !== undefined) {
    return {
      result: "warning",
      lines: [
        `quotas: ${whole(first.total)} used up within ${soonDays} days at this rate`,
        ...some(soon.map(quotaLine), first.total, 5),
      ],
      next: `tenantctl quotas show ${first.slug}`,
    };
  }
  if (enough === 0)
    return { result: "needs_person", lines: [`quotas: not enough history: no tenant has ${fewestPoints} days of it`] };
  return {
    result: "ok",
    lines: [
      `quotas: none of storage and requests is used up within ${soonDays} days (${plural(enough, "tenant")} with history; of users and customers only the present is kept)`,
    ],
  };
};

/** By a counter that is wrong no quota can be planned. */
const driftOutlook = async (looking: Looking): Promise<Outlook[]> => {
  const drift = await quotaDrift(looking);
  return drift === undefined ? [] : [{ result: "warning", ...drift }];
};

export const capacity = async (looking: Looking): Promise<Found> => {
  const days = await looking.ask(dailyFacts(historyDays));
  const all = [
    ...resources.map((resource) => outlook(days, resource)),
    await quotaOutlook(looking),
    ...(await driftOutlook(looking)),
  ];
  const result = worst(all.map((one) => one.result));
  return {
    result,
    evidence: all.flatMap(({ lines }) => lines),
    next: result === "ok" ? undefined : all.find((one) => one.result === result)?.next || undefined,
    figures: all.flatMap(({ figure }) => (figure === undefined ? [] : [figure])),
  };
};

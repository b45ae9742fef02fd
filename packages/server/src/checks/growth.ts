import type { Found, Looking } from "./check.ts";
import { type DailyFacts, dailyFacts } from "./daily-facts.ts";
import { keepFacts } from "./keep-facts.ts";
import { bytes, plural, whole } from "./wording.ts";

interface Measure {
  readonly name: string;
  readonly of: (facts: DailyFacts) => number | null;
  readonly text: (value: number) => string;
}

const measures: readonly Measure[] = [
  { name: "tenants", of: ({ tenants }) => tenants, text: whole },
  { name: "users", of: ({ users }) => users, text: whole },
  { name: "customers", of: ({ customers }) => customers, text: whole },
  { name: "rows", of: ({ rows }) => rows, text: whole },
  { name: "bytes in tenants' quotas", of: (facts) => facts.bytes, text: bytes },
  { name: "bytes of the database", of: ({ databaseBytes }) => databaseBytes, text: bytes },
];

/** A fall by a fifth is worth a look: growth seldom goes back on its own. */
const fallen = 0.8;

const change = (before: number, after: number): string => {
  if (before === after) return "unchanged";
  if (before === 0) return "from nothing";
  const percent = ((after - before) * 100) / before;
  return `${percent > 0 ? "+" : ""}${Math.abs(percent) < 10 ? percent.toFixed(1) : Math.round(percent)} %`;
};

const dayMs = 86_400_000;

export const growth = async ({ app, ask }: Looking): Promise<Found> => {
  // So that the last point is now, also where no process runs background tasks.
  await keepFacts(app);
  const days = await ask(dailyFacts(400));
  const latest = days.at(-1);
  if (latest === undefined) return { result: "needs_person", evidence: ["no day was kept yet"] };
  const monthAgo = new Date(Date.parse(latest.day) - 30 * dayMs).toISOString().slice(0, 10);
  const base = days.findLast(({ day }) => day <= monthAgo) ?? days[0] ?? latest;
  const compared = measures.flatMap(({ name, of, text }) => {
    const [before, after] = [of(base), of(latest)];
    if (after === null) return [{ name, line: `${name}: not counted yet`, fell: false }];
    if (before === null || base.day === latest.day) return [{ name, line: `${name}: ${text(after)}`, fell: false }];
    const fell = before >= 5 && after < before * fallen;
    return [{ name, line: `${name}: ${text(before)} → ${text(after)}, ${change(before, after)}`, fell }];
  });
  const span = Math.round((Date.parse(latest.day) - Date.parse(base.day)) / dayMs);
  const fell = compared.filter((one) => one.fell);
  const labels = days.map(({ day }) => day);
  const line = (title: string, unit: "count" | "bytes", names: readonly string[]) => ({
    title,
    kind: "line" as const,
    unit,
    labels,
    series: measures.filter(({ name }) => names.includes(name)).map(({ name, of }) => ({ name, values: days.map(of) })),
  });
  return {
    result: fell.length > 0 ? "warning" : "ok",
    evidence: [
      span === 0
        ? "one day of history only: growth shows from tomorrow on"
        : `since ${base.day}, ${plural(span, "day")} before (${plural(days.length, "day")} are kept)`,
      ...compared.map((one) => `${one.line}${one.fell ? ": fell by a fifth or more" : ""}`),
    ],
    next: fell.length > 0 ? "tenantctl list --status deleted" : undefined,
    figures: [
      line("Tenants and users", "count", ["tenants", "users"]),
      line("Rows and customers", "count", ["rows", "customers"]),
      line("Storage", "bytes", ["bytes in tenants' quotas", "bytes of the database"]),
    ],
  };
};

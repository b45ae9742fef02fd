import type { BenchSystem } from "../bench-system.ts";
import { median, ratios } from "../compare.ts";
import type { LoadResult } from "../load/job.ts";
import { loadServed } from "../load/load.ts";
import { loadTenants } from "../load-tenants.ts";
import { type Bench, section } from "../section.ts";
import { takeTurns } from "../take-turns.ts";
import { liftLimits, logIn, unlimited } from "../users.ts";

interface Installation {
  readonly name: string;
  readonly tenants: number;
  /** Of how many tenants users are at work; spread over all of them. */
  readonly atWork: number;
}

const customersEach = 100;
const loadedAtOnce = 10_000;
const small: Installation = { name: "small", tenants: 100, atWork: 100 };
const large: Installation = { name: "large", tenants: 100_000, atWork: 1000 };

/** Fills an installation, and gives a turn of load on it. */
const prepare = async (
  bench: Bench,
  system: BenchSystem,
  { name, tenants, atWork }: Installation,
): Promise<() => Promise<LoadResult>> => {
  for (let first = 1; first <= tenants; first += loadedAtOnce) {
    const count = Math.min(loadedAtOnce, tenants - first + 1);
    await loadTenants(system, { name, kind: "04", first, count, customers: customersEach });
    bench.log(`${name}: ${first + count - 1} tenants loaded`);
  }
  await liftLimits(system);
  const slugs = Array.from({ length: atWork }, (_, index) => `${name}-${1 + index * (tenants / atWork)}`);
  const users = await logIn(system, slugs);
  const requests = users.map(({ token }) => ({ path: "/api/customers?limit=50", token }));
  const turn = (seconds: number) => loadServed({ url: system.url, seconds, connections: 16, requests });
  await turn(5);
  return () => turn(bench.seconds);
};

/** Whether a tenant notices how many others there are. */
export const listAtScale = section({
  name: "list-at-scale",
  measures: {
    p95: {
      what: "list of 50 customers: p95 at 100,000 tenants and 10,000,000 rows : at 100 and 10,000",
      unit: "×",
      better: "lower",
      must: 1.3,
      aim: 1.1,
      full: true,
    },
  },
  about: ({ size }) =>
    size === "full"
      ? `List at scale: two installations, users of ${small.atWork} of ${small.tenants} and of ${large.atWork} of ${large.tenants} tenants at work.`
      : "",
  run: async (bench: Bench) => {
    if (bench.size !== "full") return {};
    const few = await prepare(bench, await bench.start({ env: unlimited }), small);
    const many = await prepare(bench, await bench.start({ env: unlimited }), large);
    const turns = [
      { name: large.name, run: many },
      { name: small.name, run: few },
    ];
    const [at, against] = await takeTurns(turns, bench.rounds, (round, name, { p50, p95, perSecond }) =>
      bench.log(
        `round ${round}: ${name}: p50 ${p50.toFixed(1)} ms, p95 ${p95.toFixed(1)} ms, ${perSecond.toFixed(0)}/s`,
      ),
    );
    const p95 = (results: readonly LoadResult[] = []): number[] => results.map((result) => result.p95);
    const middle = (results: readonly LoadResult[] | undefined): string => median(p95(results)).toFixed(1);
    return { p95: { values: ratios(p95(at), p95(against)), detail: `${middle(at)} : ${middle(against)} ms` } };
  },
});

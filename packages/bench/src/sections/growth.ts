import type { BenchSystem } from "../bench-system.ts";
import { median, ratios } from "../compare.ts";
import { busy, fill } from "../growth/fill.ts";
import { type Operation, type OperationName, operations } from "../growth/operations.ts";
import { added, backendSeconds, processorSeconds } from "../process-figures.ts";
import { type Bench, type Measure, type Sample, section } from "../section.ts";
import { takeTurns } from "../take-turns.ts";
import { type LoadUser, logIn, unlimited } from "../users.ts";

const fewest = 100;
const many = [10_000, 100_000] as const;
type Many = (typeof many)[number];
type Key = `${OperationName}${Many}`;
type Costs = Readonly<Record<OperationName, number>>;

/** Without jobs of its own; and costs are measured on a machine that is too busy for answers in time, too. */
const alone = { ...unlimited, TENANTCTL_JOBS: "false", TENANTCTL_OVERLOAD_DELAY_MS: "60000" };

const names = Object.keys(operations) as OperationName[];
const count = (tenants: number): string => tenants.toLocaleString("en");
const sizesOf = ({ size }: Pick<Bench, "size">): readonly Many[] =>
  many.filter((tenants) => size !== "quick" || tenants < 100_000);

const measures = Object.fromEntries(
  names.flatMap((name) =>
    many.map((tenants): [Key, Measure] => {
      const { what, must }: Operation = operations[name];
      return [
        `${name}${tenants}`,
        {
          what: `${what}: with ${count(tenants)} tenants : with ${fewest}`,
          unit: "×",
          better: "lower",
          ...(must === undefined ? {} : { must }),
          ...(tenants === 100_000 ? { notQuick: true as const } : {}),
        },
      ];
    }),
  ),
) as Record<Key, Measure>;

/** Processor time of the API and of PostgreSQL that one of each took, in milliseconds. */
const costsOf = async (system: BenchSystem, users: readonly LoadUser[]): Promise<Costs> => {
  const { api, postmaster } = system.pids;
  const costs: Partial<Record<OperationName, number>> = {};
  for (const name of names) {
    const operation: Operation = operations[name];
    const before = { api: processorSeconds(api), backends: backendSeconds(postmaster) };
    await operation.run(system, users);
    const spent = processorSeconds(api) - before.api + added(before.backends, backendSeconds(postmaster));
    costs[name] = (spent * 1000) / operation.times;
  }
  return costs as Costs;
};

/** What is done all the time, with few tenants and with many: three installations side by side, whose costs are compared. */
export const growth = section({
  name: "growth",
  measures,
  about: (bench) =>
    `Growth: installations of ${[fewest, ...sizesOf(bench)].map(count).join(", ")} tenants side by side, in turns; processor time of the API and of PostgreSQL's backends; ${busy} tenants at work and as many near a quota in each, no background job but those that are measured.`,
  run: async (bench: Bench) => {
    const turns = [];
    for (const tenants of [fewest, ...sizesOf(bench)]) {
      const system = await bench.start({ env: alone });
      await fill(system, "tenant", tenants);
      bench.log(`${count(tenants)} tenants loaded`);
      const slugs = Array.from({ length: busy }, (_, index) => `tenant-${1 + index * (tenants / fewest)}`);
      const users = await logIn(system, slugs);
      await costsOf(system, users); // connections, plans and caches
      turns.push({ name: count(tenants), run: () => costsOf(system, users) });
    }
    const [reference = [], ...others] = await takeTurns(turns, Math.min(bench.rounds, 5), (round, name, costs) =>
      bench.log(
        `round ${round}: ${name}: ${names.map((operation) => `${operation} ${costs[operation].toFixed(2)}`).join(", ")} ms`,
      ),
    );
    const samples: Partial<Record<Key, Sample>> = {};
    for (const [index, tenants] of sizesOf(bench).entries()) {
      for (const name of names) {
        const [at, against] = [others[index] ?? [], reference].map((costs) => costs.map((cost) => cost[name]));
        if (at === undefined || against === undefined) continue;
        samples[`${name}${tenants}`] = {
          values: ratios(at, against),
          detail: `${median(at).toFixed(2)} : ${median(against).toFixed(2)} ms of processor time`,
        };
      }
    }
    return samples;
  },
});

import { setTimeout } from "node:timers/promises";
import { median, ratios } from "../compare.ts";
import type { LoadResult } from "../load/job.ts";
import { load, loadServed } from "../load/load.ts";
import { loadTenants } from "../load-tenants.ts";
import { residentMemory } from "../process-figures.ts";
import { type Bench, type Size, section } from "../section.ts";
import { liftLimits, logIn, unlimited } from "../users.ts";

const usualConnections = 16;
/** Each sends the next request as soon as it is answered: many times what the queues hold, half of it is turned away. */
const tooMany = 1200;
const users = 16;
const minutesOf: Readonly<Record<Size, number>> = { quick: 0.25, usual: 3, full: 10 };

/** A minute and more of load at twice what the server can do and beyond: what it answers, what it holds on to, how it is afterwards. */
export const overload = section({
  name: "overload",
  measures: {
    memory: {
      what: "memory ten seconds after the overload : before",
      unit: "×",
      better: "lower",
      must: 1.5,
    },
    peak: { what: "the most memory during the overload, above before", unit: "MiB", better: "lower", must: 150 },
    errors: {
      what: "answers but 2xx, 429 and 503, and connections that broke",
      unit: "answers",
      better: "lower",
      must: 0,
    },
    health: { what: "health checks without an answer of 200", unit: "answers", better: "lower", must: 0 },
    afterwards: {
      what: "requests/s a second after the overload : before",
      unit: "×",
      better: "higher",
      must: 0.8,
    },
    served: { what: "requests/s served during the overload : before", unit: "×", better: "higher" },
  },
  about: ({ size }) =>
    `Overload: ${minutesOf[size]} minutes of ${tooMany} connections, each with the next list of 50 customers as soon as the last ` +
    `is answered; ${usualConnections} connections before and after.`,
  run: async (bench: Bench) => {
    const system = await bench.start({ env: unlimited });
    await loadTenants(system, { name: "tenant", kind: "01", count: users, customers: 100 });
    await liftLimits(system);
    const slugs = Array.from({ length: users }, (_, index) => `tenant-${index + 1}`);
    const requests = (await logIn(system, slugs)).map(({ token }) => ({ path: "/api/customers?limit=50", token }));
    const job = { url: system.url, requests };
    const { api } = system.pids;
    const usual = (): Promise<LoadResult> =>
      loadServed({ ...job, connections: usualConnections, seconds: bench.seconds });
    await usual(); // it has compiled what it runs
    const rounds = Math.min(3, bench.rounds);
    const before: number[] = [];
    for (let round = 0; round < rounds; round += 1) before.push((await usual()).perSecond);
    const memoryBefore = residentMemory(api) ?? Number.NaN;
    bench.log(`before: ${median(before).toFixed(0)}/s, ${memoryBefore.toFixed(0)} MiB`);

    let over = false;
    let most = 0;
    let unwell = 0;
    const seconds = minutesOf[bench.size] * 60;
    const watch = async (): Promise<void> => {
      while (!over) {
        most = Math.max(most, residentMemory(api) ?? 0);
        const health = await fetch(`${system.url}/api/health/live`).catch(() => undefined);
        await health?.text();
        if (health?.status !== 200) unwell += 1;
        await setTimeout(200);
      }
    };
    const watching = watch();
    const flood = await load({ ...job, connections: tooMany, seconds });
    over = true;
    await watching;
    await setTimeout(1000);
    const after: number[] = [];
    // What was turned away still counts as nothing, and an answer that does not come as none.
    for (let round = 0; round < rounds; round += 1) {
      const { statuses } = await load({ ...job, connections: usualConnections, seconds: bench.seconds });
      after.push((statuses["200"] ?? 0) / bench.seconds);
    }
    await setTimeout(10_000);
    const memoryAfter = residentMemory(api) ?? Number.NaN;

    const counts = Object.entries(flood.statuses);
    const counted = (holds: (status: string) => boolean): number =>
      counts.filter(([status]) => holds(status)).reduce((sum, [, count]) => sum + count, 0);
    const good = counted((status) => status.startsWith("2"));
    const other = counted((status) => !status.startsWith("2") && status !== "429" && status !== "503");
    bench.log(
      `during: ${JSON.stringify(flood.statuses)}, p95 ${flood.p95.toFixed(0)} ms, ${most.toFixed(0)} MiB at the most`,
    );
    return {
      memory: {
        values: [memoryAfter / memoryBefore],
        detail: `${memoryAfter.toFixed(0)} : ${memoryBefore.toFixed(0)} MiB`,
      },
      peak: { values: [most - memoryBefore], detail: `${most.toFixed(0)} MiB` },
      errors: { values: [other + flood.errors], detail: `${flood.answers} answers: ${JSON.stringify(flood.statuses)}` },
      health: { values: [unwell] },
      afterwards: {
        values: ratios(after, before),
        detail: `${median(after).toFixed(0)} : ${median(before).toFixed(0)} requests/s`,
      },
      served: { values: [good / seconds / median(before)], detail: `p95 of all answers ${flood.p95.toFixed(0)} ms` },
    };
  },
});

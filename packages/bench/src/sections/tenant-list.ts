import { get } from "node:http";
import { performance } from "node:perf_hooks";
import { setTimeout } from "node:timers/promises";
import type { BenchSystem } from "../bench-system.ts";
import { median } from "../compare.ts";
import { loadTenants } from "../load-tenants.ts";
import { residentMemory } from "../process-figures.ts";
import { type Bench, section } from "../section.ts";

const tenants = 100_000;
const reads = 5;

interface Read {
  /** Milliseconds until the first byte of the list. */
  readonly firstByte: number;
  readonly milliseconds: number;
  readonly rows: number;
}

/** Reads the whole list as a script does: as fast as it comes. */
const readList = ({ url, token }: BenchSystem, query = ""): Promise<Read> =>
  new Promise((resolve, reject) => {
    const begun = performance.now();
    get(`${url}/api/admin/tenants${query}`, { headers: { authorization: `Bearer ${token}` } }, (response) => {
      let firstByte = 0;
      let rows = 1;
      response.on("data", (bytes: Buffer) => {
        firstByte ||= performance.now() - begun;
        // One line each; JSON has no other line ends.
        for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) rows += 1;
      });
      if (response.statusCode !== 200) reject(new Error(`the list answered ${response.statusCode}`));
      response.once("error", reject);
      response.once("end", () => resolve({ firstByte, milliseconds: performance.now() - begun, rows }));
    }).once("error", reject);
  });

/** The most memory that a process has while work is under way, in MiB. */
const mostMemory = async (pid: number, work: Promise<unknown>): Promise<number> => {
  let most = 0;
  let over = false;
  void work.finally(() => {
    over = true;
  });
  while (!over) {
    most = Math.max(most, residentMemory(pid) ?? 0);
    await setTimeout(10);
  }
  await work;
  return most;
};

/** The complete list of very many tenants. */
export const tenantList = section({
  name: "tenant-list",
  measures: {
    memory: {
      what: "GET /api/admin/tenants, 100,000 tenants: growth of the API's memory",
      unit: "MiB",
      better: "lower",
      must: 50,
    },
    firstByte: { what: "GET /api/admin/tenants, 100,000 tenants: first byte", unit: "ms", better: "lower", must: 100 },
  },
  about: () =>
    `Tenant list: ${tenants} tenants, the whole list ${reads} times; memory is what it grew by from before the first to its most.`,
  run: async (bench: Bench) => {
    const system = await bench.start({ env: { TENANTCTL_JOBS: "false" } });
    bench.log(`loading ${tenants} tenants`);
    await loadTenants(system, { name: "listed", kind: "07", count: tenants, customers: 0 });
    const { api } = system.pids;
    for (let turn = 0; turn < 20; turn += 1) await readList(system, "?limit=100"); // it has compiled what it runs
    const before = residentMemory(api) ?? Number.NaN;
    const growths: number[] = [];
    const firsts: number[] = [];
    for (let turn = 1; turn <= reads; turn += 1) {
      const reading = readList(system);
      const most = await mostMemory(api, reading);
      const { firstByte, milliseconds, rows } = await reading;
      if (rows !== tenants) throw new Error(`the list had ${rows} tenants`);
      bench.log(
        `read ${turn}: first byte ${firstByte.toFixed(0)} ms, all ${milliseconds.toFixed(0)} ms, ${most.toFixed(0)} MiB`,
      );
      growths.push(most - before);
      firsts.push(firstByte);
    }
    return {
      // Of all reads the most: what is held on to counts.
      memory: { values: [Math.max(...growths)], detail: `from ${before.toFixed(0)} MiB` },
      firstByte: {
        values: firsts,
        detail: `the slowest ${Math.max(...firsts).toFixed(0)} ms, the middle one ${median(firsts).toFixed(0)} ms`,
      },
    };
  },
});

import { median, type Timing, timesOf } from "../compare.ts";
import { loadTenants } from "../load-tenants.ts";
import { measureBackup } from "../measure-backup.ts";
import { type Bench, type Sample, section } from "../section.ts";
import { sizesOf } from "../sizes.ts";

const sample = (candidate: Timing, reference: Timing): Sample => ({
  values: timesOf(candidate, reference),
  detail: `${median(candidate.seconds).toFixed(2)} : ${median(reference.seconds).toFixed(2)} s`,
});

/** A backup of all tenants beside what one would use instead. */
export const backup = section({
  name: "backup",
  measures: {
    guide: {
      what: "time of a backup of all tenants : of the guide's script",
      unit: "×",
      better: "lower",
      must: 1 / 8,
    },
    pgDump: {
      what: "time of a backup of all tenants : of pg_dump -Fc -Z1 of the same tables",
      unit: "×",
      better: "lower",
      must: 1.5,
    },
  },
  about: ({ size }) => {
    const { tenants, customersEach, rounds } = sizesOf(size);
    return `Backup: ${tenants} tenants with ${customersEach} customers each, ${rounds} rounds.`;
  },
  run: async (bench: Bench) => {
    const { tenants, customersEach, rounds } = sizesOf(bench.size);
    const system = await bench.start();
    bench.log(`loading ${tenants} tenants with ${customersEach} customers each`);
    await loadTenants(system, { name: "tenant", kind: "01", count: tenants, customers: customersEach });
    const times = await measureBackup(system, tenants, rounds, bench.log);
    return { guide: sample(times.tenantctl, times.guide), pgDump: sample(times.tenantctl, times.pgDump) };
  },
});

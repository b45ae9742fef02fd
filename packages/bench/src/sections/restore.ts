import { median, timesOf } from "../compare.ts";
import { loadTenants } from "../load-tenants.ts";
import { measureRestore } from "../measure-restore.ts";
import { type Bench, section } from "../section.ts";
import { sizesOf } from "../sizes.ts";

/** A restore of one large tenant beside the copying of its rows alone. */
export const restore = section({
  name: "restore",
  measures: {
    copy: {
      what: "time of a restore of one tenant : of psql \\copy of the same rows",
      unit: "×",
      better: "lower",
      must: 2,
    },
  },
  about: ({ size }) => `Restore: one tenant with ${sizesOf(size).restoredRows} rows, ${sizesOf(size).rounds} rounds.`,
  run: async (bench: Bench) => {
    const { restoredRows, rounds } = sizesOf(bench.size);
    const system = await bench.start();
    bench.log(`loading one tenant with ${restoredRows} customers`);
    await loadTenants(system, { name: "large", kind: "02", count: 1, customers: restoredRows });
    const { tenantctl, copy } = await measureRestore(system, "large-1", restoredRows, rounds, bench.log);
    return {
      copy: {
        values: timesOf(tenantctl, copy),
        detail: `${median(tenantctl.seconds).toFixed(2)} : ${median(copy.seconds).toFixed(2)} s`,
      },
    };
  },
});

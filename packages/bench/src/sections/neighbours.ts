import { setTimeout } from "node:timers/promises";
import { median, ratios } from "../compare.ts";
import type { LoadResult } from "../load/job.ts";
import { load, loadServed } from "../load/load.ts";
import { loadTenants } from "../load-tenants.ts";
import { loginStorm } from "../login-storm.ts";
import { postJson } from "../post-json.ts";
import { type Bench, type Sample, section } from "../section.ts";
import { takeTurns } from "../take-turns.ts";
import { liftLimits, logIn, unlimited } from "../users.ts";

const path = "/api/customers?limit=50";
const noisyLimit = 60;
const connections = 16;
const logins = 200;

const sample = (disturbed: readonly LoadResult[], alone: readonly LoadResult[], more: string): Sample => {
  const p95 = (results: readonly LoadResult[]): number[] => results.map((result) => result.p95);
  const both = [disturbed, alone].map((results) => median(p95(results)).toFixed(1)).join(" : ");
  return { values: ratios(p95(disturbed), p95(alone)), detail: `p95 ${both} ms; ${more}` };
};

/** What one tenant notices of what others do. */
export const neighbours = section({
  name: "neighbours",
  measures: {
    noisy: {
      what: "p95 of a tenant's list beside a tenant that is at its limit and goes on : alone",
      unit: "×",
      better: "lower",
      must: 1.5,
      aim: 1.2,
    },
    storm: {
      what: `p95 of a tenant's list while ${logins} log in at once : alone`,
      unit: "×",
      better: "lower",
      must: 2,
      aim: 1.3,
    },
  },
  about: ({ rounds, seconds }) =>
    `Neighbours: a tenant lists 50 customers over ${connections} connections for ${seconds} s; alone, beside a tenant of ` +
    `${noisyLimit} requests a minute that sends as fast as it is answered over ${connections} more, and beside ${logins} ` +
    `users who log in at once and again when Retry-After says; ${rounds} rounds.`,
  run: async (bench: Bench) => {
    // A storm has to have time to be one.
    const turnSeconds = Math.max(2, bench.seconds);
    const system = await bench.start({ env: { ...unlimited, TENANTCTL_TRUST_PROXY: "127.0.0.1,::1" } });
    await loadTenants(system, { name: "tenant", kind: "01", count: logins + 2, customers: 100 });
    await liftLimits(system);
    const [quiet, noisy] = await logIn(system, ["tenant-1", "tenant-2"]);
    if (quiet === undefined || noisy === undefined) throw new Error("nobody logged in");
    await postJson(`${system.url}/api/admin/plans/basic`, { requestsPerMinute: noisyLimit }, system.token, "PUT");
    await system.sql("update app.tenants set plan = 'basic' where slug = 'tenant-2'");

    const job = (token: string, seconds: number) => ({
      url: system.url,
      seconds,
      connections,
      requests: [{ path, token }],
    });
    const list = (seconds = turnSeconds): Promise<LoadResult> => loadServed(job(quiet.token, seconds));
    let refused = 0;
    const besideNoise = async (): Promise<LoadResult> => {
      const noise = load(job(noisy.token, turnSeconds + 1));
      await setTimeout(500);
      const listed = await list();
      const { statuses } = await noise;
      refused = statuses["429"] ?? 0;
      if (refused === 0) throw new Error(`the noisy tenant was never refused: ${JSON.stringify(statuses)}`);
      return listed;
    };
    let came = 0;
    const besideStorm = async (): Promise<LoadResult> => {
      const storm = await loginStorm(system, logins);
      const [listed] = await Promise.all([list(), storm.during(turnSeconds)]);
      came = storm.loggedIn();
      return listed;
    };
    await list(1); // nobody is measured while it compiles
    await besideNoise();
    const [alone = [], noise = [], storm = []] = await takeTurns(
      [
        { name: "alone", run: () => list() },
        { name: "beside a noisy tenant", run: besideNoise },
        { name: "beside logins", run: besideStorm },
      ],
      bench.rounds,
      (round, name, { perSecond, p95 }) =>
        bench.log(`round ${round}: ${name}: p95 ${p95.toFixed(1)} ms, ${perSecond.toFixed(0)}/s`),
    );
    return {
      noisy: sample(noise, alone, `${refused} refused in the last round`),
      storm: sample(storm, alone, `${came} logged in in the last round`),
    };
  },
});

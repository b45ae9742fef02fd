import { median, ratios } from "../compare.ts";
import { runProgram } from "../run-program.ts";
import { type Bench, type Sample, section } from "../section.ts";
import { takeTurns } from "../take-turns.ts";

/** A process starts in a tenth of a second: each turn takes several, so that no single one decides. */
const startsEach = 3;

/** How long the whole process of a short command takes, beside one that does nothing. */
export const commands = section({
  name: "commands",
  measures: {
    help: {
      what: "tenantctl --help : node -e 0, whole processes",
      unit: "×",
      better: "lower",
      must: 1.6,
      aim: 1.3,
    },
    status: {
      what: "tenantctl status : node -e 0, whole processes",
      unit: "×",
      better: "lower",
      must: 2.5,
      aim: 2,
    },
  },
  about: ({ rounds }) => `Commands: each started ${rounds * startsEach} times, the output into a pipe.`,
  run: async (bench: Bench) => {
    const { folder, url, token, tenantctl } = await bench.shared();
    const [node, script] = tenantctl;
    const env = { PATH: process.env.PATH, HOME: folder, TENANTCTL_API_URL: url, TENANTCTL_TOKEN: token };
    const timed = async (args: readonly string[]): Promise<number> => {
      const seconds: number[] = [];
      for (let start = 0; start < startsEach; start += 1)
        // `status` leaves with 10 when something needs a person: a new system has no backups, say.
        seconds.push((await runProgram(node, args, { cwd: folder, env, exits: [0, 10] })).seconds);
      return median(seconds);
    };
    const programs = [
      { name: "node -e 0", args: ["-e", "0"] },
      { name: "tenantctl --help", args: [script, "--help"] },
      { name: "tenantctl status", args: [script, "status"] },
    ];
    for (const { args } of programs) await timed(args);
    const [nothing = [], help = [], status = []] = await takeTurns(
      programs.map(({ name, args }) => ({ name, run: () => timed(args) })),
      bench.rounds,
      (round, name, seconds) => bench.log(`round ${round}: ${name}: ${(seconds * 1000).toFixed(0)} ms`),
    );
    const sample = (own: readonly number[]): Sample => ({
      values: ratios(own, nothing),
      detail: `${[own, nothing].map((seconds) => (median(seconds) * 1000).toFixed(0)).join(" : ")} ms`,
    });
    return { help: sample(help), status: sample(status) };
  },
});

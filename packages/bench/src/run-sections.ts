import { performance } from "node:perf_hooks";
import { type BenchSystem, startBenchSystem } from "./bench-system.ts";
import { type Bench, isMeasured, type Section } from "./section.ts";
import { type Finding, judge } from "./verdict.ts";

type Stop = () => Promise<void>;

export interface Run {
  readonly findings: readonly Finding[];
  /** The version of PostgreSQL that was measured with. */
  readonly postgres: string | undefined;
}

export type RunOptions = Pick<Bench, "size" | "rounds" | "seconds" | "log">;

const stopAll = async (stops: Stop[]): Promise<void> => {
  for (const stop of stops.splice(0).reverse()) await stop();
};

/** Runs one section after the other. One that fails is said to have failed, and holds up no other. */
export const runSections = async (
  chosen: readonly Section[],
  options: RunOptions,
  interrupted: AbortSignal,
): Promise<Run> => {
  const ofAll: Stop[] = [];
  const ofOne: Stop[] = [];
  let shared: Promise<BenchSystem> | undefined;
  let postgres: string | undefined;
  const start = async (stops: Stop[], ...args: Parameters<typeof startBenchSystem>): Promise<BenchSystem> => {
    const system = await startBenchSystem(...args);
    stops.push(() => system.stop());
    postgres = system.postgres;
    return system;
  };
  const bench: Bench = {
    ...options,
    shared: () => (shared ??= start(ofAll)),
    start: (systemOptions) => start(ofOne, systemOptions),
    after: (stop) => void ofOne.push(stop),
  };
  const broken = new Promise<never>((_resolve, reject) => {
    interrupted.addEventListener("abort", () => reject(interrupted.reason), { once: true });
  });
  broken.catch(() => undefined);
  const findings: Finding[] = [];
  try {
    for (const { name, measures, run } of chosen) {
      options.log(`== ${name}`);
      const begun = performance.now();
      const running = run(bench);
      const samples = await Promise.race([running, broken]).catch((error: unknown) => {
        if (interrupted.aborted) {
          running.catch(() => undefined); // it fails of what is stopped below
          throw error;
        }
        options.log(`${name} failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
        return undefined;
      });
      await stopAll(ofOne);
      options.log(`${name}: ${((performance.now() - begun) / 1000).toFixed(0)} s`);
      for (const [key, measure] of Object.entries(measures)) {
        if (!isMeasured(measure, options.size)) continue;
        const sample = samples?.[key];
        findings.push({ section: name, measure, sample, verdict: judge(measure, sample) });
      }
    }
    return { findings, postgres };
  } finally {
    await stopAll(ofOne);
    await stopAll(ofAll);
  }
};

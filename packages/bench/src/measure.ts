import type { Timing } from "./compare.ts";

/** One way of doing the work. `run` gives the seconds that count. */
export interface Candidate {
  readonly name: string;
  readonly prepare?: (round: number) => Promise<void>;
  readonly run: (round: number) => Promise<number>;
  readonly cleanUp?: (round: number) => Promise<void>;
}

/** Lets all candidates take turns, each round in another order. */
export const measure = async (
  candidates: readonly Candidate[],
  rounds: number,
  log: (line: string) => void,
): Promise<Timing[]> => {
  const times = candidates.map((): number[] => []);
  for (let round = 1; round <= rounds; round += 1) {
    for (let place = 0; place < candidates.length; place += 1) {
      const index = (place + round) % candidates.length;
      const candidate = candidates[index];
      if (candidate === undefined) continue;
      await candidate.prepare?.(round);
      const seconds = await candidate.run(round);
      await candidate.cleanUp?.(round);
      log(`round ${round}: ${candidate.name}: ${seconds.toFixed(2)} s`);
      times[index]?.push(seconds);
    }
  }
  return candidates.map(({ name }, index) => ({ name, seconds: times[index] ?? [] }));
};

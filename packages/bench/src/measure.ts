import type { Timing } from "./compare.ts";
import { takeTurns } from "./take-turns.ts";

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
  const turns = candidates.map(({ name, prepare, run, cleanUp }) => ({
    name,
    run: async (round: number) => {
      await prepare?.(round);
      const seconds = await run(round);
      await cleanUp?.(round);
      return seconds;
    },
  }));
  const times = await takeTurns(turns, rounds, (round, name, seconds) =>
    log(`round ${round}: ${name}: ${seconds.toFixed(2)} s`),
  );
  return candidates.map(({ name }, index) => ({ name, seconds: times[index] ?? [] }));
};

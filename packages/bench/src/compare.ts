/** One candidate's times in seconds, in the order of the rounds. */
export interface Timing {
  readonly name: string;
  readonly seconds: readonly number[];
}

export const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  const half = Math.floor(sorted.length / 2);
  const [low = Number.NaN, high = Number.NaN] =
    sorted.length % 2 === 1 ? [sorted[half], sorted[half]] : [sorted[half - 1], sorted[half]];
  return (low + high) / 2;
};

/** Round by round, since what disturbs the machine for a while disturbs both. */
export const ratios = (candidate: readonly number[], reference: readonly number[]): number[] =>
  candidate.map((value, round) => value / (reference[round] ?? Number.NaN));

/** How many times the reference's time a candidate took, round by round. */
export const timesOf = (candidate: Timing, reference: Timing): number[] => ratios(candidate.seconds, reference.seconds);

/** One candidate's times in seconds, in the order of the rounds. */
export interface Timing {
  readonly name: string;
  readonly seconds: readonly number[];
}

/** How many times the reference's time a candidate took: in the middle, and at both ends. */
export interface Ratio {
  readonly middle: number;
  readonly lowest: number;
  readonly highest: number;
}

export const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  const half = Math.floor(sorted.length / 2);
  const [low = Number.NaN, high = Number.NaN] =
    sorted.length % 2 === 1 ? [sorted[half], sorted[half]] : [sorted[half - 1], sorted[half]];
  return (low + high) / 2;
};

/** Round by round, since what disturbs the machine for a while disturbs both. */
export const ratioOf = (candidate: Timing, reference: Timing): Ratio => {
  const ratios = candidate.seconds.map((seconds, round) => seconds / (reference.seconds[round] ?? Number.NaN));
  return { middle: median(ratios), lowest: Math.min(...ratios), highest: Math.max(...ratios) };
};

import type { BenchSystem, SystemOptions } from "./bench-system.ts";

/** quick: all of it in a few minutes; usual: the sizes that targets were set for; full: the large ones, too. */
export type Size = "quick" | "usual" | "full";

/** What is measured, and what it has to come to. */
export interface Measure {
  readonly what: string;
  /** "×" for a ratio to something else that was measured in turns with it, else what is counted. */
  readonly unit: string;
  readonly better: "higher" | "lower";
  /** The bench leaves with 1 where the middle of the rounds misses it. Without one the measure is for information. */
  readonly must?: number;
  readonly aim?: number;
  /** Only measured with --full. */
  readonly full?: true;
  /** Left out with --quick. */
  readonly notQuick?: true;
}

/** Whether a run of that size takes it. */
export const isMeasured = ({ full, notQuick }: Measure, size: Size): boolean =>
  (full !== true || size === "full") && (notQuick !== true || size !== "quick");

/** What a measure came to. */
export interface Sample {
  /** One value per round. */
  readonly values: readonly number[];
  /** What the values were made from, such as "5210 : 4102 requests/s". */
  readonly detail?: string;
}

/** What a section gets. */
export interface Bench {
  readonly size: Size;
  /** How often each candidate has its turn. */
  readonly rounds: number;
  /** How long a turn of load lasts. */
  readonly seconds: number;
  /** Progress, for whoever waits. */
  readonly log: (line: string) => void;
  /** An installation that sections share: load only what disturbs no other. Started when it is first asked for. */
  shared(): Promise<BenchSystem>;
  /** An installation of the section's own, which is stopped when the section is over. */
  start(options?: SystemOptions): Promise<BenchSystem>;
  /** Whatever else has to be stopped when the section is over, the last one first. */
  after(stop: () => Promise<void>): void;
}

/** One comparison or more over the same set-up. */
export interface Section<M extends Readonly<Record<string, Measure>> = Readonly<Record<string, Measure>>> {
  /** What --only takes. */
  readonly name: string;
  readonly measures: M;
  /** Gives a sample of every measure, but for those that only --full takes. */
  readonly run: (bench: Bench) => Promise<Partial<Record<keyof M, Sample>>>;
  /** What was measured on: sizes and counts. */
  readonly about: (bench: Pick<Bench, "size" | "rounds" | "seconds">) => string;
}

/** Keeps a section's measures and samples of one name together. */
export const section = <const M extends Readonly<Record<string, Measure>>>(shape: Section<M>): Section => shape;

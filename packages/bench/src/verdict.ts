import { median } from "./compare.ts";
import type { Measure, Sample } from "./section.ts";

export type Verdict = "aim reached" | "reached" | "missed" | "not measured" | "for information";

/** A measure beside what it came to. */
export interface Finding {
  readonly section: string;
  readonly measure: Measure;
  /** Undefined where its section failed. */
  readonly sample: Sample | undefined;
  readonly verdict: Verdict;
}

const holds = ({ better }: Measure, value: number, bound: number): boolean =>
  better === "higher" ? value >= bound : value <= bound;

/** By the middle of the rounds. A measure that has to reach something and was not measured did not reach it. */
export const judge = (measure: Measure, sample: Sample | undefined): Verdict => {
  if (sample === undefined || sample.values.length === 0) return "not measured";
  const middle = median(sample.values);
  if (measure.must !== undefined && !holds(measure, middle, measure.must)) return "missed";
  if (measure.aim !== undefined && holds(measure, middle, measure.aim)) return "aim reached";
  return measure.must === undefined ? "for information" : "reached";
};

const isMiss = ({ measure, verdict }: Finding): boolean =>
  measure.must !== undefined && (verdict === "missed" || verdict === "not measured");

/** The last line: how many of what must be reached were. */
export const summary = (findings: readonly Finding[]): string => {
  const due = findings.filter(({ measure }) => measure.must !== undefined);
  const missed = due.filter(isMiss);
  const aims = due.filter(({ measure }) => measure.aim !== undefined);
  const aimed = aims.filter(({ verdict }) => verdict === "aim reached");
  const parts = [
    `${due.length - missed.length} of ${due.length} reached`,
    ...(aims.length > 0 ? [`${aimed.length} of ${aims.length} aims`] : []),
    ...(missed.length > 0 ? [`missed: ${missed.map(({ measure }) => measure.what).join("; ")}`] : []),
  ];
  return parts.join(", ").replace(", missed:", "; missed:");
};

/** 1 where something that must be reached was missed. */
export const exitCode = (findings: readonly Finding[]): 0 | 1 => (findings.some(isMiss) ? 1 : 0);

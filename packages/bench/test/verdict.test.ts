import { expect, test } from "vitest";
import type { Measure, Sample } from "../src/section.ts";
import { exitCode, type Finding, judge, summary } from "../src/verdict.ts";

const faster: Measure = { what: "requests", unit: "×", better: "higher", must: 1, aim: 1.25 };
const smaller: Measure = { what: "time", unit: "×", better: "lower", must: 2 };
const noted: Measure = { what: "a figure", unit: "ms", better: "lower" };
const of = (...values: number[]): Sample => ({ values });
const finding = (measure: Measure, sample?: Sample): Finding => ({
  section: "s",
  measure,
  sample,
  verdict: judge(measure, sample),
});

test("the middle of the rounds is judged, a bound itself is reached", () => {
  expect(judge(faster, of(0.2, 1, 9))).toBe("reached");
  expect(judge(faster, of(0.2, 0.99, 9))).toBe("missed");
  expect(judge(faster, of(1.25))).toBe("aim reached");
  expect(judge(smaller, of(2))).toBe("reached");
  expect(judge(smaller, of(2.01))).toBe("missed");
  expect(judge(noted, of(7))).toBe("for information");
});

test("what gives no number, or no number at all, is never reached", () => {
  expect(judge(faster, undefined)).toBe("not measured");
  expect(judge(smaller, of())).toBe("not measured");
  expect(judge(smaller, of(Number.NaN))).toBe("missed");
  expect(judge(faster, of(Number.NaN))).toBe("missed");
});

test("the last line counts and names what was missed, and only that makes the bench leave with 1", () => {
  const good = [finding(faster, of(1.1)), finding(smaller, of(1)), finding(noted, of(1000))];
  expect(summary(good)).toBe("2 of 2 reached, 0 of 1 aims");
  expect(exitCode(good)).toBe(0);
  const bad = [...good, finding(smaller, of(3)), finding(faster)];
  expect(summary(bad)).toBe("2 of 4 reached, 0 of 2 aims; missed: time; requests");
  expect(exitCode(bad)).toBe(1);
  expect(exitCode([finding(noted)])).toBe(0);
});

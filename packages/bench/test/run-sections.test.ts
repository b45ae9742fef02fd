import { expect, test } from "vitest";
import { tableText } from "../src/report.ts";
import { runSections } from "../src/run-sections.ts";
import { section } from "../src/section.ts";
import { exitCode, summary } from "../src/verdict.ts";

const quiet = { size: "quick", rounds: 1, seconds: 1 } as const;
const never = new AbortController().signal;

test("a section that fails is not reached, what it started is stopped, and the next one runs", async () => {
  const done: string[] = [];
  const failing = section({
    name: "failing",
    measures: { one: { what: "broken things", unit: "×", better: "lower", must: 1 } },
    about: () => "",
    run: async (bench) => {
      bench.after(async () => void done.push("first"));
      bench.after(async () => void done.push("second"));
      throw new Error("no such luck");
    },
  });
  const working = section({
    name: "working",
    measures: {
      two: { what: "whole things", unit: "MiB", better: "lower", must: 50, aim: 10 },
      large: { what: "large things", unit: "ms", better: "lower", must: 1, full: true },
    },
    about: () => "",
    run: async () => {
      done.push("working");
      return { two: { values: [30, 20, 40], detail: "30 of 100" } };
    },
  });
  const said: string[] = [];
  const { findings } = await runSections([failing, working], { ...quiet, log: (line) => said.push(line) }, never);
  expect(done).toEqual(["second", "first", "working"]);
  expect(said.join("\n")).toContain("no such luck");
  expect(exitCode(findings)).toBe(1);
  expect(summary(findings)).toBe("1 of 2 reached, 0 of 1 aims; missed: broken things");
  const [head, , broken, whole, ...rest] = tableText(findings).split("\n");
  expect(head).toMatch(/^\| measure .*must reach .*aim/);
  expect(broken).toMatch(/broken things .*\| – .*\*\*not measured\*\*/);
  expect(whole).toMatch(/whole things +\| 30 MiB +\| 20–40 +\| ≤ 50 MiB +\| ≤ 10 MiB +\| reached +\| 30 of 100/);
  expect(rest).toEqual([]);
});

test("an interruption stops what was started and judges nothing", async () => {
  const stopping = new AbortController();
  let stopped = false;
  const endless = section({
    name: "endless",
    measures: { one: { what: "time", unit: "s", better: "lower", must: 1 } },
    about: () => "",
    run: (bench) => {
      bench.after(async () => {
        stopped = true;
      });
      stopping.abort(new Error("stopped by SIGINT"));
      return new Promise(() => undefined);
    },
  });
  await expect(runSections([endless], { ...quiet, log: () => undefined }, stopping.signal)).rejects.toThrow("SIGINT");
  expect(stopped).toBe(true);
});

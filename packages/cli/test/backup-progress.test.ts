import { expect, it } from "vitest";
import { barLine, progressLines, verifying } from "../src/backup/progress.ts";

const moment = { value: 412, total: 1000, bytes: 12_300_000, failed: 0, seconds: 8 };

it("shows how far a backup is, and how much longer it takes", () => {
  expect(barLine(moment, 80)).toBe(`backing up  ${"━".repeat(15)}${"─".repeat(22)}   412/1000  12.3 MB  11s left`);
  expect(barLine({ ...moment, failed: 2 }, 80)).toContain("2 failed");
});

it("of few large files moves by their bytes", () => {
  const half = { value: 0, total: 3, bytes: 5_000_000_000, ofBytes: 10_000_000_000, failed: 1, seconds: 60 };
  const line = barLine(half, 80, verifying);
  expect(line).toMatch(/^verifying {2}(━+)(─+) {2}0\/3 {2}5\.0 GB {2}1 damaged {2}1m left$/);
  const [, done = "", open = ""] = /(━+)(─+)/.exec(line) ?? [];
  expect(Math.abs(done.length - open.length)).toBeLessThan(2);
  // What is there has more bytes, or fewer, than the record says: the bar keeps to its room.
  for (const bytes of [0, 99_000_000_000]) expect(barLine({ ...half, bytes }, 80, verifying).length).toBeLessThan(80);
  expect(barLine({ ...half, value: 3 }, 80, verifying)).not.toMatch(/─|left/);
});

it("is a line for each tenth where there are many files", () => {
  const lines: string[] = [];
  const progress = progressLines((line) => lines.push(line), verifying);
  progress.begin(1000, "repo", 1_000_000);
  for (let count = 0; count < 1000; count += 1)
    progress.item(`t-${count}`, { outcome: "whole", file: `t-${count}.tar`, bytes: 1000, seconds: 0, error: null });
  expect(lines).toHaveLength(11);
  expect([lines[0], lines[10]]).toEqual(["verifying 1000 files, 1.0 MB, in repo", "1000 of 1000 files, 1.0 MB"]);
});

it.each([200, 80, 60, 40, 20])("fits a terminal of %d columns without filling its last one", (columns) => {
  for (const value of [0, 1, 999, 1000])
    for (const failed of [0, 17])
      expect(barLine({ ...moment, value, failed, seconds: 7000 }, columns).length).toBeLessThan(columns);
});

it("has nothing to divide by where there is nothing to do", () => {
  expect(barLine({ ...moment, value: 0, total: 0, bytes: 0 }, 80)).toMatch(/0\/0 {2}0 B$/);
});

import { expect, it } from "vitest";
import { barLine } from "../src/backup/progress.ts";

const moment = { value: 412, total: 1000, bytes: 12_300_000, failed: 0, seconds: 8 };

it("shows how far a backup is, and how much longer it takes", () => {
  expect(barLine(moment, 80)).toBe(`backing up  ${"━".repeat(15)}${"─".repeat(22)}   412/1000  12.3 MB  11s left`);
  expect(barLine({ ...moment, failed: 2 }, 80)).toContain("2 failed");
});

it.each([200, 80, 60, 40, 20])("fits a terminal of %d columns without filling its last one", (columns) => {
  for (const value of [0, 1, 999, 1000])
    for (const failed of [0, 17])
      expect(barLine({ ...moment, value, failed, seconds: 7000 }, columns).length).toBeLessThan(columns);
});

it("has nothing to divide by where there is nothing to do", () => {
  expect(barLine({ ...moment, value: 0, total: 0, bytes: 0 }, 80)).toMatch(/0\/0 {2}0 B$/);
});

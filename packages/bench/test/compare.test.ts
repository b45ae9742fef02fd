import { expect, test } from "vitest";
import { median, ratios } from "../src/compare.ts";
import { takeTurns } from "../src/take-turns.ts";

test("the median is the value in the middle, or between the two there", () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 3, 2])).toBe(2.5);
  expect(median([])).toBeNaN();
});

test("ratios are taken round by round; a round that the other lacks gives none", () => {
  expect(ratios([10, 30], [20, 10])).toEqual([0.5, 3]);
  expect(ratios([10, 30], [20])[1]).toBeNaN();
});

test("all take turns, each round in another order, and results keep their order", async () => {
  const order: string[] = [];
  const turn = (name: string) => ({ name, run: async (round: number) => `${name}${round}` });
  const results = await takeTurns([turn("a"), turn("b"), turn("c")], 3, (_round, _name, result) => order.push(result));
  expect(results).toEqual([
    ["a1", "a2", "a3"],
    ["b1", "b2", "b3"],
    ["c1", "c2", "c3"],
  ]);
  expect(order).toEqual(["b1", "c1", "a1", "c2", "a2", "b2", "a3", "b3", "c3"]);
});

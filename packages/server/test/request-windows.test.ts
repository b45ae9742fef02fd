import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { createHoldBack } from "../src/quotas/hold-back.ts";
import { createRequestWindows } from "../src/quotas/request-windows.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const minute = 60_000;

it("counts each key in windows that begin with its first request", () => {
  const windows = createRequestWindows(minute, 10);
  expect(windows.count("a").count).toBe(1);
  vi.advanceTimersByTime(minute - 1);
  expect(windows.count("a").count).toBe(2);
  expect(windows.count("b").count).toBe(1);
  vi.advanceTimersByTime(1);
  expect(windows.count("a")).toEqual({ count: 1, endsAt: performance.now() + minute });
  expect(windows.count("b").count).toBe(2);
});

it("lets go of the key that was not used for longest when there are too many", () => {
  const windows = createRequestWindows(minute, 2);
  windows.count("a");
  windows.count("b");
  windows.count("a");
  windows.count("c");
  expect(windows.count("a").count).toBe(3);
  expect(windows.count("b").count).toBe(1);
});

it("holds back who goes on after many refusals, and no more of them at once than there is room for", async () => {
  const holdBack = createHoldBack();
  expect(holdBack.wait(1)).toBeUndefined();
  expect(holdBack.wait(100)).toBeUndefined();
  const held: Promise<void>[] = [];
  for (let waiting = holdBack.wait(101); waiting !== undefined; waiting = holdBack.wait(101)) held.push(waiting);
  expect(held).toHaveLength(1000);
  vi.advanceTimersByTime(1000);
  await Promise.all(held);
  expect(holdBack.wait(101)).toBeInstanceOf(Promise);
});

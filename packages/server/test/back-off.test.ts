import { expect, it } from "vitest";
import { longestWaitSeconds, retryAfterSeconds, waitSeconds } from "../src/deliveries/back-off.ts";

it("waits grow to four hours, each with full jitter", () => {
  const most = Array.from({ length: 12 }, (_, index) => waitSeconds(index + 1, undefined, () => 1));
  expect(most).toEqual([5, 30, 120, 600, 1800, 3600, 7200, 14_400, 14_400, 14_400, 14_400, 14_400]);
  expect(waitSeconds(7, undefined, () => 0)).toBe(0);
  expect(waitSeconds(7, undefined, () => 0.5)).toBe(3600);
});

it("what the receiver asks for is waited for, and not longer than the longest wait", () => {
  expect(waitSeconds(1, 90, () => 0.5)).toBe(90);
  expect(waitSeconds(8, 1, () => 1)).toBe(14_400);
  expect(waitSeconds(1, 10_000_000, () => 0)).toBe(longestWaitSeconds);
});

it("Retry-After is read as seconds or as a date; anything else says nothing", () => {
  const now = Date.parse("2026-01-01T00:00:00Z");
  expect(retryAfterSeconds("120", now)).toBe(120);
  expect(retryAfterSeconds("Thu, 01 Jan 2026 00:02:00 GMT", now)).toBe(120);
  expect(retryAfterSeconds("Thu, 01 Jan 2020 00:02:00 GMT", now)).toBe(0);
  for (const text of [undefined, "", "soon", "-5", "1e9", "99999999999999999999"]) {
    expect(waitSeconds(1, retryAfterSeconds(text, now), () => 0)).toBeLessThanOrEqual(longestWaitSeconds);
  }
});

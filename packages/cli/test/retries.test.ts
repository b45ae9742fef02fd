import { errorOf, UnreachableError } from "@tenantctl/contract";
import { expect, it } from "vitest";
import { withRetries } from "../src/backup/transience.ts";

/** What a proxy answers in the API's place. */
const ofProxy = (status: number, retryAfter: string) =>
  errorOf(new Response("<h1>Slow down</h1>", { status, headers: { "retry-after": retryAfter } }));

const attemptsAt = async (error: Error, pauses: readonly number[]): Promise<number> => {
  let attempts = 0;
  const failing = async (): Promise<never> => {
    attempts += 1;
    throw error;
  };
  await expect(withRetries(failing, { pauses })).rejects.toBe(error);
  return attempts;
};

it("a proxy that says when to come again is believed", async () => {
  const soon = await ofProxy(429, "20");
  expect(soon).toBeInstanceOf(UnreachableError);
  expect(soon.retryAfter).toBe(20);
  expect((await ofProxy(503, "Wed, 21 Oct 2026 07:28:00 GMT")).retryAfter).toBeUndefined();
});

it("whoever wants to be left alone for longer than half a minute is not waited for", async () => {
  expect(await attemptsAt(await ofProxy(429, "600"), [1, 1])).toBe(1);
  expect(await attemptsAt(await ofProxy(503, "later"), [1, 1])).toBe(3);
});

import { ContractError } from "@tenantctl/contract";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { takeLease } from "../src/backup/lease.ts";
import type { Api } from "../src/session/api.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const held = new ContractError("lease_held", "other holds the lock.", "Wait.");
const lost = new ContractError("lease_lost", "The lock is no longer yours.", "Stop.");
const away = new ContractError("database_unavailable", "away", "Wait.");

/** An API whose answers to each call come one after the other; the last one stays. */
const apiThat = (answers: Readonly<Record<string, readonly (Error | string)[]>>) => {
  const seen: string[] = [];
  const left = new Map(Object.entries(answers).map(([id, list]) => [id, [...list]]));
  const call = async (id: string): Promise<{ id: string }> => {
    seen.push(id.replace("backups.", ""));
    const list = left.get(id) ?? [];
    const answer = list.length > 1 ? list.shift() : list[0];
    if (answer instanceof Error) throw answer;
    return { id: answer ?? "" };
  };
  return { seen, api: { call } as unknown as Api };
};

const minutes = (count: number): Promise<unknown> => vi.advanceTimersByTimeAsync(count * 60_000);

it("is renewed while the run lasts, through an API that is away for a while, and given back", async () => {
  const { seen, api } = apiThat({
    "backups.acquire": ["a"],
    "backups.renew": ["a", away, away, "a"],
    "backups.release": ["a"],
  });
  const onLost = vi.fn();
  const lease = await takeLease({ api, holder: "me", abandoned: null, onLost });
  await minutes(2);
  expect(seen.filter((id) => id === "renew")).toHaveLength(6);
  await lease.release();
  await minutes(2);
  expect(seen.at(-1)).toBe("release");
  expect(onLost).not.toHaveBeenCalled();
});

it("is taken anew where it ran out and nobody else has it", async () => {
  const { api } = apiThat({ "backups.acquire": ["a", "b"], "backups.renew": [lost, "b"], "backups.release": ["b"] });
  const onLost = vi.fn();
  const lease = await takeLease({ api, holder: "me", abandoned: null, onLost });
  await minutes(1);
  expect(lease.id).toBe("b");
  expect(onLost).not.toHaveBeenCalled();
  await lease.release();
});

it("ends the run where somebody else has it now", async () => {
  const { api } = apiThat({ "backups.acquire": ["a", held], "backups.renew": [lost], "backups.release": [lost] });
  const onLost = vi.fn();
  const lease = await takeLease({ api, holder: "me", abandoned: null, onLost });
  await minutes(1);
  expect(onLost).toHaveBeenCalledWith(held);
  await lease.release();
});

it("gives back that of a dead process first", async () => {
  const { seen, api } = apiThat({ "backups.acquire": ["a"], "backups.release": [lost, "a"] });
  const lease = await takeLease({ api, holder: "me", abandoned: "of the dead", onLost: () => {} });
  expect(seen).toEqual(["release", "acquire"]);
  await lease.release();
});

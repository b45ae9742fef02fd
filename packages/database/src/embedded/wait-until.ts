import { setTimeout as pause } from "node:timers/promises";

/** Asks every 20 ms until `condition` holds or `deadlineMs` milliseconds have passed; answers whether it held. */
export async function waitUntil(condition: () => boolean, deadlineMs: number): Promise<boolean> {
  const end = Date.now() + deadlineMs;
  while (!condition()) {
    if (Date.now() >= end) return false;
    await pause(20);
  }
  return true;
}

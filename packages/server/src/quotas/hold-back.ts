import { setTimeout as pause } from "node:timers/promises";

/** Refusals of one time that are answered at once; who waits as Retry-After says never gets to the others. */
const atOnce = 100;
const heldMs = 500;
/** Held at the same time, some 10 MiB; what comes on top is answered at once. */
const mostHeld = 1000;

/**
 * Refusals of whoever goes on all the same are held back for a moment, so that many of them don't take the processor from
 * others.
 */
export const createHoldBack = () => {
  let held = 0;
  return {
    /** What the n-th refusal of a time waits for; undefined: it is to be answered at once. */
    wait: (nth: number): Promise<void> | undefined => {
      if (nth <= atOnce || held >= mostHeld) return undefined;
      held += 1;
      return pause(heldMs).then(() => {
        held -= 1;
      });
    },
  };
};

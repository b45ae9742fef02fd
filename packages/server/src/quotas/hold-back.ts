import { setTimeout as pause } from "node:timers/promises";

/** Refusals of one window that are answered at once; who waits as Retry-After says never gets to the others. */
const atOnce = 100;
const heldMs = 250;
/** Held at the same time, a few MiB; what comes on top is answered at once. */
const mostHeld = 500;

/**
 * Refusals of whoever goes on all the same are held back for a moment, so that many of them don't take the processor from
 * others.
 */
export const createHoldBack = () => {
  let held = 0;
  return {
    /** Of a window's n-th refusal: undefined where it is to be answered at once. */
    wait: (nth: number): Promise<void> | undefined => {
      if (nth <= atOnce || held >= mostHeld) return undefined;
      held += 1;
      return pause(heldMs).then(() => {
        held -= 1;
      });
    },
  };
};

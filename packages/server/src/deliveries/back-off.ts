/** Seconds to wait at the most after the first try, the second, and so on; the last one stands for all that follow. */
const waits = [5, 30, 120, 600, 1800, 3600, 7200, 14_400] as const;

/** Nothing waits longer than this; a stored time beyond it comes from a clock that jumped. */
export const longestWaitSeconds = 14_400;

/**
 * Seconds until the next try after `attempts` failed ones: anything up to the step's wait (full jitter, so that what failed
 * together does not come back together), or what the receiver asked for, within the longest wait. `random`: from 0 to 1.
 */
export const waitSeconds = (attempts: number, retryAfter?: number, random: () => number = Math.random): number => {
  const most = waits[Math.min(Math.max(attempts, 1), waits.length) - 1] ?? longestWaitSeconds;
  return Math.min(longestWaitSeconds, Math.max(random() * most, retryAfter ?? 0));
};

/** A day of tries at the least, and so many where a clock that jumped makes a day of a moment… */
export const fewestAttempts = 12;
/** …or a moment of days. */
export const mostAttempts = 40;

/** A Retry-After header in seconds; undefined where it says nothing. */
export const retryAfterSeconds = (header: string | undefined, now = Date.now()): number | undefined => {
  if (header === undefined) return undefined;
  if (/^\d{1,9}$/.test(header)) return Number(header);
  const at = Date.parse(header);
  return Number.isNaN(at) ? undefined : Math.max(0, (at - now) / 1000);
};

import type { FastifyBaseLogger } from "fastify";

export interface BackgroundWork {
  /** Runs the work now, after a run that is under way; resolves when it is done, whether it failed or not. */
  now(): Promise<void>;
  /** No further run by itself. */
  stop(): void;
}

/** Told of every run that failed. */
export type ReportFailure = (name: string, error: unknown) => void;

/**
 * Runs `work` every `intervalMs`, never twice at once. A failure is logged once until it works again, and the next run
 * tries anew: what it counts or writes must not be lost by `work` when it throws.
 */
export const inBackground = (
  name: string,
  intervalMs: number,
  log: FastifyBaseLogger,
  work: () => Promise<void>,
  report?: ReportFailure,
): BackgroundWork => {
  let last = Promise.resolve();
  let unfinished = 0;
  let failing = false;
  const attempt = async (): Promise<void> => {
    try {
      await work();
      if (failing) log.info(`${name}: works again`);
      failing = false;
    } catch (err) {
      if (!failing) log.warn({ err }, `${name}: failed, will be tried again`);
      failing = true;
      report?.(name, err);
    }
    unfinished -= 1;
  };
  const now = (): Promise<void> => {
    unfinished += 1;
    last = last.then(attempt);
    return last;
  };
  const timer = setInterval(() => {
    if (unfinished === 0) void now();
  }, intervalMs);
  timer.unref();
  return { now, stop: () => clearInterval(timer) };
};

/** Does `task` for each item, at most `width` at once; waits for all, then throws the first failure. */
export const forEachAtMost = async <T>(
  width: number,
  items: readonly T[],
  task: (item: T) => Promise<void>,
): Promise<void> => {
  const failures: unknown[] = [];
  const rest = items.values();
  const lane = async (): Promise<void> => {
    for (const item of rest) await task(item).catch((error: unknown) => failures.push(error));
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, lane));
  if (failures.length > 0) throw failures[0];
};

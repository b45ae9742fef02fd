import { Logger, parseCronItems, type Runner, run } from "graphile-worker";
import type { App } from "../app.ts";
import { recordRun } from "./record-run.ts";
import { tasks } from "./tasks.ts";

/** Jobs by state: due ones that wait, running ones, and those whose last attempt has failed. */
export interface JobQueue {
  readonly waiting: number;
  readonly running: number;
  readonly failed: number;
}

export interface Jobs {
  /** The queue of all processes; undefined while this one has no connection to it. */
  queue(): Promise<JobQueue | undefined>;
  /** Takes no further job and waits for those under way. */
  stop(): Promise<void>;
}

type JobsPool = ReturnType<App["db"]["openJobsPool"]>;

const firstRetryMs = 500;
const longestRetryMs = 30_000;

const levels = { error: "error", warning: "warn", info: "debug", debug: "debug" } as const;

const poolSize = 4;

const countJobs = `select count(*) filter (where attempts < max_attempts and locked_at is null and run_at <= now())::int as waiting,
    count(*) filter (where locked_at is not null)::int as running,
    count(*) filter (where attempts >= max_attempts and locked_at is null)::int as failed from graphile_worker.jobs`;

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error)).slice(0, 500);

const runnerOf = (app: App, pgPool: JobsPool): Promise<Runner> =>
  run({
    pgPool,
    // Only what is written in batches is waited for on stopping: a job that ended just then would else be run again.
    // And only there a lost database is dealt with: elsewhere it rejects where nobody listens, which ends the process.
    preset: { worker: { completeJobBatchDelay: 0, failJobBatchDelay: 0 } },
    concurrency: 2,
    pollInterval: 5000,
    noHandleSignals: true,
    noPreparedStatements: !app.settings.preparedStatements,
    logger: new Logger((scope) => (level, message) => app.log[levels[level]]({ jobs: scope }, message)),
    taskList: Object.fromEntries(
      Object.entries(tasks).map(([name, task]) => [
        name,
        async () => {
          const begun = performance.now();
          const failure = await task.run(app).then(
            () => undefined,
            (error: unknown) => ({ error }),
          );
          const seconds = (performance.now() - begun) / 1000;
          app.metrics?.task(name, seconds, failure === undefined ? "success" : "failure");
          // The database that could not be told is the one that the next run asks again.
          await recordRun(app, name, failure === undefined ? null : textOf(failure.error)).catch(() => undefined);
          if (failure === undefined) return;
          app.errors.failed(name, failure.error);
          throw failure.error;
        },
      ]),
    ),
    parsedCronItems: parseCronItems(
      // What was missed while no process ran is not made up for: each run looks at the state as it is.
      Object.entries(tasks).map(([task, { cron }]) => ({
        task,
        match: cron,
        identifier: task,
        options: { jobKey: task, maxAttempts: 3 },
      })),
    ),
  });

/**
 * Runs the background jobs as role jobs. Each task runs once however many processes there are. A database that is away
 * or drops the connection is tried again, for ever; the API goes on meanwhile.
 */
export const startJobs = (app: App): Jobs => {
  const stopping = new AbortController();
  let runner: Runner | undefined;
  let running: JobsPool | undefined;

  const pause = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      const timer = setTimeout(done, ms);
      function done() {
        clearTimeout(timer);
        stopping.signal.removeEventListener("abort", done);
        resolve();
      }
      stopping.signal.addEventListener("abort", done);
    });

  const keepRunning = async (): Promise<void> => {
    let retryMs = firstRetryMs;
    while (!stopping.signal.aborted) {
      const pool = app.db.openJobsPool(poolSize);
      try {
        runner = await runnerOf(app, pool);
        runner.promise.catch(() => undefined); // awaited below; here only so that it is never unhandled
        if (stopping.signal.aborted) {
          await runner.stop();
          return;
        }
        retryMs = firstRetryMs;
        running = pool;
        for (const [name] of Object.entries(tasks).filter(([, task]) => task.atStart === true)) {
          await runner.addJob(name, undefined, { jobKey: name, maxAttempts: 3 });
        }
        await runner.promise;
      } catch (err) {
        if (!stopping.signal.aborted) {
          app.log.warn({ err, retryMs }, "background jobs stopped, will be started again");
          app.errors.failed("background jobs", err);
        }
        await runner?.stop().catch(() => undefined);
      } finally {
        running = undefined;
        await pool.end().catch(() => undefined);
      }
      runner = undefined;
      if (!stopping.signal.aborted) await pause(retryMs);
      retryMs = Math.min(retryMs * 2, longestRetryMs);
    }
  };

  const over = keepRunning();
  return {
    queue: async () => (await running?.query<JobQueue>(countJobs))?.rows[0],
    stop: async () => {
      stopping.abort();
      await runner?.stop().catch(() => undefined);
      await over;
    },
  };
};

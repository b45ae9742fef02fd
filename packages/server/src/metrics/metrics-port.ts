import type { App } from "../app.ts";
import type { JobQueue } from "../jobs/jobs.ts";
import { databaseGauges } from "./database-gauges.ts";
import { type MetricsServer, startMetricsServer } from "./metrics-server.ts";
import { watchPools } from "./pool-gauges.ts";
import { createReadings, type Reading, type Sample } from "./readings.ts";
import { watchRedis } from "./redis-gauges.ts";

/** Of a process that runs jobs: the queue is the same for all, so any of them may tell. */
const jobsGauges = (queue: () => Promise<JobQueue | undefined>): Reading => ({
  gauges: {
    tenantctl_jobs: ["Background jobs in the queue: due ones that wait, running ones, given up ones", "status"],
  },
  read: async () =>
    Object.entries((await queue()) ?? {}).map(([status, jobs]): Sample => ["tenantctl_jobs", { status }, jobs]),
});

/** Listens for Prometheus where a port is set. `queue` gives undefined in a process without jobs. */
export const openMetricsPort = async (
  app: App,
  queue: () => Promise<JobQueue | undefined>,
): Promise<MetricsServer | undefined> => {
  const { settings, metrics, db, log } = app;
  if (metrics === undefined || settings.metricsPort === undefined) return undefined;
  watchPools(metrics.registry, db);
  if (app.limits.shared !== undefined) watchRedis(metrics.registry, app.limits.shared);
  const table = { ...databaseGauges(settings.metricsTenants), jobs: jobsGauges(queue) };
  const readings = createReadings(metrics, table, db, log);
  const { metricsHost: host, metricsPort: port } = settings;
  return startMetricsServer({ host, port }, metrics.registry, () => readings.refresh(), log);
};

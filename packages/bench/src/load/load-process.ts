import { performance } from "node:perf_hooks";
import { text } from "node:stream/consumers";
import autocannon from "autocannon";
import type { LoadJob, LoadResult } from "./job.ts";

// A process of its own, so that the load's processor time is nobody else's. The job comes in as JSON, the result goes out.
const job = JSON.parse(await text(process.stdin)) as LoadJob;
const { url, seconds, connections, method = "GET", body, requests } = job;

const times: number[] = [];
const statuses: Record<string, number> = {};
let connection = 0;
const started = performance.now();
const { errors, timeouts } = await new Promise<autocannon.Result>((resolve, reject) => {
  const run = autocannon(
    {
      url,
      connections,
      duration: seconds,
      sampleInt: 100,
      timeout: 30,
      setupClient: (client) => {
        const own = requests.filter((_request, index) => index % connections === connection % requests.length);
        connection += 1;
        client.setRequests(
          (own.length > 0 ? own : requests).map(({ path, token }) => ({
            method,
            path,
            headers: {
              authorization: `Bearer ${token}`,
              ...(body === undefined ? {} : { "content-type": "application/json" }),
            },
            ...(body === undefined ? {} : { body: JSON.stringify(body) }),
          })),
        );
      },
    },
    (error: unknown, result) => (error ? reject(error) : resolve(result)),
  );
  run.on("response", (_client, status, _bytes, milliseconds) => {
    times.push(milliseconds);
    statuses[status] = (statuses[status] ?? 0) + 1;
  });
});
const elapsed = (performance.now() - started) / 1000;

times.sort((a, b) => a - b);
const percentile = (part: number): number => times[Math.min(times.length - 1, Math.floor(times.length * part))] ?? 0;
const result: LoadResult = {
  perSecond: times.length / elapsed,
  answers: times.length,
  statuses,
  errors: errors + timeouts,
  p50: percentile(0.5),
  p95: percentile(0.95),
  p99: percentile(0.99),
};
process.stdout.write(JSON.stringify(result));

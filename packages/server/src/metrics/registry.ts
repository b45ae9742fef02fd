import { type ContractError, version } from "@tenantctl/contract";
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { AnsweredRequest } from "./answered-request.ts";
import { createTenantCounters, type TenantCounters } from "./tenant-counters.ts";

/** What this process counts for `/metrics`. One per App, so that several servers in one process stay apart. */
export interface Metrics {
  readonly registry: Registry;
  readonly tenants: TenantCounters;
  /** A request arrived; `end` must follow. */
  begin(): void;
  end(): void;
  count(request: AnsweredRequest): void;
  /** A request was answered with this problem. */
  problem(code: ContractError["code"]): void;
  /** A background task ended. */
  task(name: string, seconds: number, outcome: "success" | "failure"): void;
}

/** Seconds; the last bucket but one is as long as a request usually may take. */
const durationBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** Counters and process metrics; `tenantCap` tenants have series of their own. */
export const createMetrics = (tenantCap: number): Metrics => {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry, prefix: "tenantctl_" });
  new Gauge({
    name: "tenantctl_build_info",
    help: "1, with the version of tenantctl and of Node.js",
    labelNames: ["version", "node"],
    registers,
  }).set({ version, node: process.version }, 1);

  const requests = new Counter({
    name: "tenantctl_http_requests_total",
    help: "Requests answered, by the contract's route (none: no such route), method and class of status",
    labelNames: ["route", "method", "status"],
    registers,
  });
  const durations = new Histogram({
    name: "tenantctl_http_request_duration_seconds",
    help: "Time until the answer was sent, by group of routes; documents are streamed and take as long as their reader",
    labelNames: ["group"],
    buckets: durationBuckets,
    registers,
  });
  const bytes = new Counter({
    name: "tenantctl_http_response_bytes_total",
    help: "Bytes answered, by group of routes",
    labelNames: ["group"],
    registers,
  });
  const problems = new Counter({
    name: "tenantctl_http_problems_total",
    help: "Requests answered with a problem, by its code",
    labelNames: ["code"],
    registers,
  });
  let underWay = 0;
  const inFlight: Gauge = new Gauge({
    name: "tenantctl_http_requests_in_flight",
    help: "Requests that have no answer yet",
    registers,
    collect: () => inFlight.set(underWay),
  });

  const runs = new Counter({
    name: "tenantctl_job_runs_total",
    help: "Background tasks ended in this process, by outcome",
    labelNames: ["task", "outcome"],
    registers,
  });
  const lastDuration = new Gauge({
    name: "tenantctl_job_last_duration_seconds",
    help: "How long the task's last run in this process took",
    labelNames: ["task"],
    registers,
  });

  const tenants = createTenantCounters(registry, tenantCap);
  return {
    registry,
    tenants,
    begin: () => {
      underWay += 1;
    },
    end: () => {
      underWay -= 1;
    },
    count: ({ route, group, method, status, seconds, bytes: length, tenantId, isPlanned }) => {
      requests.inc({ route, method, status: `${Math.floor(status / 100)}xx` });
      durations.observe({ group }, seconds);
      bytes.inc({ group }, length);
      tenants.count(tenantId, {
        requests: 1,
        errors: status >= 500 && !isPlanned ? 1 : 0,
        clientErrors: status >= 400 && status < 500 ? 1 : 0,
        bytes: length,
        seconds,
      });
    },
    problem: (code) => problems.inc({ code }),
    task: (task, seconds, outcome) => {
      runs.inc({ task, outcome });
      lastDuration.set({ task }, seconds);
    },
  };
};

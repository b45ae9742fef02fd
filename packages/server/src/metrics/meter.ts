import { build, type Database, SYSTEM_TENANT_ID, sql, writeAsJob } from "@tenantctl/database";
import type { FastifyBaseLogger } from "fastify";
import { forEachAtMost, inBackground, type ReportFailure } from "../background-work.ts";
import { asContractError } from "../problem.ts";
import type { AnsweredRequest } from "./answered-request.ts";
import { latencyBucket, latencyBucketCount } from "./latency.ts";

export interface Meter {
  /** Counts an answered request, in memory. */
  count(request: AnsweredRequest): void;
  /** Writes what was counted. */
  flush(): Promise<void>;
  /** Writes the rest and stops. */
  close(): Promise<void>;
}

interface Use {
  readonly minute: number;
  readonly group: string;
  requests: number;
  errors: number;
  clientErrors: number;
  bytes: number;
  ms: number;
  readonly buckets: number[];
}

const minuteMs = 60_000;
const flushEveryMs = 900;
/** Lines (tenant, minute, group) that may wait for the database; what comes on top is counted for the system alone. */
const mostLines = 50_000;
/** Minutes that lines wait for a database that is away, before they are given up. */
const patienceMinutes = 10;
/** Lines of another time than the last hour are this process's clock gone wrong: they count as of now. */
const believedMinutes = 60;
const connectionsAtMost = 2;

const emptyUse = (minute: number, group: string): Use => ({
  minute,
  group,
  requests: 0,
  errors: 0,
  clientErrors: 0,
  bytes: 0,
  ms: 0,
  buckets: Array.from({ length: latencyBucketCount }, () => 0),
});

const add = (to: Use, from: Use): void => {
  to.requests += from.requests;
  to.errors += from.errors;
  to.clientErrors += from.clientErrors;
  to.bytes += from.bytes;
  to.ms += from.ms;
  for (const [index, count] of from.buckets.entries()) to.buckets[index] = (to.buckets[index] ?? 0) + count;
};

const databaseMinute = sql<{ minute: number }>`select floor(extract(epoch from now()) / 60)::int as minute`.compile(
  build,
);

/** Lines as they are written: each minute once, none of a time that the database's clock has not had. */
const placed = (uses: Iterable<Use>, now: number): Use[] => {
  const lines = new Map<string, Use>();
  for (const use of uses) {
    const minute = use.minute > now || use.minute < now - believedMinutes ? now : use.minute;
    const key = `${minute} ${use.group}`;
    const line = lines.get(key) ?? emptyUse(minute, use.group);
    add(line, use);
    lines.set(key, line);
  }
  return [...lines.values()];
};

const sums = sql.join(
  Array.from(
    { length: latencyBucketCount },
    (_, index) =>
      sql`coalesce(u.latency_buckets[${sql.lit(index + 1)}], 0) + excluded.latency_buckets[${sql.lit(index + 1)}]`,
  ),
);

const upsert = (tenantId: string, lines: readonly Use[]) =>
  sql<never>`insert into app.usage_minutes as u
      (tenant_id, minute, route_group, requests, errors, client_errors, bytes, duration_ms, latency_buckets)
    values ${sql.join(
      lines.map(
        (line) =>
          sql`(${tenantId}::uuid, ${new Date(line.minute * minuteMs)}::timestamptz, ${line.group}, ${line.requests}::bigint,
            ${line.errors}::bigint, ${line.clientErrors}::bigint, ${line.bytes}::bigint, ${Math.round(line.ms)}::bigint, ${line.buckets}::bigint[])`,
      ),
    )}
    on conflict on constraint usage_minutes_pkey do update set
      requests = u.requests + excluded.requests, errors = u.errors + excluded.errors,
      client_errors = u.client_errors + excluded.client_errors, bytes = u.bytes + excluded.bytes,
      duration_ms = u.duration_ms + excluded.duration_ms, latency_buckets = array[${sums}]`.compile(build);

/** Requests by tenant, minute and group of routes. A process that is killed loses at most what the last second held. */
export const createMeter = (db: Database, log: FastifyBaseLogger, report?: ReportFailure): Meter => {
  /** By tenant, then by minute and group. */
  let waiting = new Map<string, Map<string, Use>>();
  let lines = 0;

  const lineOf = (tenantId: string, minute: number, group: string): Use => {
    const full = lines >= mostLines;
    const tenant = full ? SYSTEM_TENANT_ID : tenantId;
    const ofTenant = waiting.get(tenant) ?? new Map<string, Use>();
    if (ofTenant.size === 0) waiting.set(tenant, ofTenant);
    const key = full ? "overflow" : `${minute} ${group}`;
    let line = ofTenant.get(key);
    if (line === undefined) {
      line = emptyUse(minute, full ? "overflow" : group);
      ofTenant.set(key, line);
      lines += 1;
    }
    return line;
  };

  const write = async (tenantId: string, uses: readonly Use[], now: number): Promise<void> => {
    try {
      // In one order everywhere: two processes that write the same lines must not wait for each other.
      const ordered = [...uses].sort((a, b) => a.minute - b.minute || (a.group < b.group ? -1 : 1));
      await db.tenant(tenantId, writeAsJob()).run(upsert(tenantId, ordered));
    } catch (error) {
      if (asContractError(error).code === "tenant_not_found") return; // Purged meanwhile: nobody asks any more.
      for (const use of uses) {
        if (use.minute >= now - patienceMinutes) add(lineOf(tenantId, use.minute, use.group), use);
      }
      throw error;
    }
  };

  /** While the database is away: lines that have waited too long go. */
  const giveUpOld = (): void => {
    const oldest = Math.floor(Date.now() / minuteMs) - patienceMinutes;
    for (const [tenantId, uses] of waiting) {
      for (const [key, { minute }] of uses) if (minute < oldest && uses.delete(key)) lines -= 1;
      if (uses.size === 0) waiting.delete(tenantId);
    }
  };

  const flush = async (): Promise<void> => {
    if (waiting.size === 0) return;
    const [database] = await db
      .operator()
      .run(databaseMinute)
      .catch((error: unknown) => {
        giveUpOld();
        throw error;
      });
    const now = database?.minute ?? 0;
    const taken = waiting;
    waiting = new Map();
    lines = 0;
    await forEachAtMost(connectionsAtMost, [...taken], ([tenantId, uses]) =>
      write(tenantId, placed(uses.values(), now), now),
    );
  };

  const background = inBackground("usage metering", flushEveryMs, log, flush, report);

  return {
    count: ({ isProbe, isPlanned, tenantId, group, status, seconds, bytes }) => {
      if (isProbe) return;
      const line = lineOf(tenantId ?? SYSTEM_TENANT_ID, Math.floor(Date.now() / minuteMs), group);
      line.requests += 1;
      if (status >= 500) line.errors += isPlanned ? 0 : 1;
      else if (status >= 400) line.clientErrors += 1;
      line.bytes += bytes;
      line.ms += seconds * 1000;
      const bucket = latencyBucket(seconds * 1000);
      line.buckets[bucket] = (line.buckets[bucket] ?? 0) + 1;
    },
    flush: background.now,
    close: async () => {
      background.stop();
      await background.now();
    },
  };
};

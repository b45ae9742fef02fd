import { build, type Database, sql, writeAsJob } from "@tenantctl/database";
import type { FastifyBaseLogger } from "fastify";
import { forEachAtMost, inBackground, type ReportFailure } from "../background-work.ts";
import { asContractError } from "../problem.ts";
import { noteFilling } from "./note-filling.ts";

/** What is known of a tenant's use: its own process's counts at once, other processes' within a second. */
export interface DailyUse {
  /** API requests since midnight UTC. */
  readonly used: number;
  /** null: unlimited, or not known yet. */
  readonly limit: number | null;
  /** Of the tenant's plan; undefined: the plan names none, or not known yet. */
  readonly requestsPerMinute: number | undefined;
}

export interface DailyRequests {
  /** What is known now. */
  of(tenantId: string): DailyUse;
  /** Adds requests (or takes back one whose credentials turned out not to hold). */
  add(tenantId: string, requests: number): void;
  /** Asks the database again soon although nothing was added: a tenant at its limit learns when that was raised. */
  ask(tenantId: string): void;
  flush(): Promise<void>;
  close(): Promise<void>;
}

interface Entry {
  day: string;
  /** As the database said last, all processes together. */
  stored: number;
  /** On its way to the database. */
  sending: number;
  /** Counted here since. */
  pending: number;
  /** Days before today that are not written yet. */
  readonly earlier: Map<string, number>;
  limit: number | null;
  requestsPerMinute: number | undefined;
  asked: boolean;
  /** The day and limit for which it was noted that the quota fills. */
  noted: string;
  touchedAt: number;
}

const dayMs = 86_400_000;
const flushEveryMs = 900;
const forgetAfterMs = 10 * 60_000;
const mostTenants = 50_000;
const connectionsAtMost = 2;

let latest = { day: "", endsAt: 0 };
/** The date of now, UTC; written out once a day, not for every request. */
const today = (): string => {
  const now = Date.now();
  const startsAt = now - (now % dayMs);
  if (latest.endsAt !== startsAt + dayMs) {
    latest = { day: new Date(startsAt).toISOString().slice(0, 10), endsAt: startsAt + dayMs };
  }
  return latest.day;
};

const count = (tenantId: string, day: string, requests: number) =>
  sql<{ total: number }>`insert into app.usage_days as d (tenant_id, day, api_requests)
    values (${tenantId}::uuid, ${day}::date, greatest(${requests}::bigint, 0))
    on conflict on constraint usage_days_pkey do update set api_requests = greatest(d.api_requests + ${requests}::bigint, 0)
    returning api_requests as total`.compile(build);

const limits = (tenantId: string) =>
  sql<{
    limit: number | null;
    requestsPerMinute: number | null;
  }>`select app.quota_limit(t.id, 'api_requests_per_day') as "limit", p.requests_per_minute as "requestsPerMinute"
    from app.tenants t join app.plans p on p.name = t.plan where t.id = ${tenantId}::uuid`.compile(build);

/**
 * API requests per tenant and day: counted in memory, added to the database's count within a second, which answers the
 * total of all processes. What can go over the limit is therefore what all processes together admit within a second.
 */
export const createDailyRequests = (db: Database, log: FastifyBaseLogger, report?: ReportFailure): DailyRequests => {
  const entries = new Map<string, Entry>();

  const entryOf = (tenantId: string): Entry => {
    const day = today();
    let entry = entries.get(tenantId);
    if (entry === undefined) {
      entry = {
        day,
        stored: 0,
        sending: 0,
        pending: 0,
        earlier: new Map(),
        limit: null,
        requestsPerMinute: undefined,
        asked: true,
        noted: "",
        touchedAt: 0,
      };
      entries.set(tenantId, entry);
    }
    if (entry.day !== day) {
      if (entry.pending !== 0) entry.earlier.set(entry.day, (entry.earlier.get(entry.day) ?? 0) + entry.pending);
      Object.assign(entry, { day, stored: 0, sending: 0, pending: 0, asked: true });
    }
    entry.touchedAt = Date.now();
    return entry;
  };

  const write = async ([tenantId, entry]: readonly [string, Entry]): Promise<void> => {
    const { day, pending } = entry;
    const earlier = [...entry.earlier];
    entry.earlier.clear();
    entry.sending = pending;
    entry.pending = 0;
    entry.asked = false;
    try {
      const [totals, plans] = await db
        .tenant(tenantId, writeAsJob())
        .batch([
          count(tenantId, day, pending),
          limits(tenantId),
          ...earlier.map(([before, requests]) => count(tenantId, before, requests)),
        ]);
      const [known] = plans;
      entry.limit = known?.limit ?? null;
      entry.requestsPerMinute = known?.requestsPerMinute ?? undefined;
      if (entry.day !== day) return; // Midnight passed meanwhile: the total was yesterday's.
      entry.stored = totals[0]?.total ?? 0;
      entry.sending = 0;
    } catch (error) {
      if (asContractError(error).code === "tenant_not_found") {
        entries.delete(tenantId); // Purged meanwhile.
        return;
      }
      for (const [before, requests] of earlier) entry.earlier.set(before, (entry.earlier.get(before) ?? 0) + requests);
      if (entry.day === day) {
        entry.pending += pending;
        entry.sending = 0;
      } else {
        entry.earlier.set(day, (entry.earlier.get(day) ?? 0) + pending);
      }
      entry.asked = true;
      throw error;
    }
    const mark = `${day} ${entry.limit}`;
    if (entry.limit === null || entry.stored * 2 < entry.limit || entry.noted === mark) return;
    await db.tenant(tenantId, writeAsJob()).run(noteFilling(tenantId));
    entry.noted = mark;
  };

  const isDue = (entry: Entry): boolean => entry.asked || entry.pending !== 0 || entry.earlier.size > 0;

  const writeDue = async (): Promise<void> => {
    const forgetBefore = Date.now() - forgetAfterMs;
    for (const [tenantId, entry] of entries) {
      const over = entries.size > mostTenants;
      if (!isDue(entry) && entry.sending === 0 && (over || entry.touchedAt < forgetBefore)) entries.delete(tenantId);
    }
    await forEachAtMost(
      connectionsAtMost,
      [...entries].filter(([, entry]) => isDue(entry)),
      write,
    );
  };
  const background = inBackground("daily request counts", flushEveryMs, log, writeDue, report);

  return {
    of: (tenantId) => {
      const entry = entryOf(tenantId);
      return {
        used: entry.stored + entry.sending + entry.pending,
        limit: entry.limit,
        requestsPerMinute: entry.requestsPerMinute,
      };
    },
    add: (tenantId, requests) => {
      entryOf(tenantId).pending += requests;
    },
    ask: (tenantId) => {
      entryOf(tenantId).asked = true;
    },
    flush: background.now,
    close: async () => {
      background.stop();
      await background.now();
    },
  };
};

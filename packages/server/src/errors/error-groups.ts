import { type ErrorCode, version } from "@tenantctl/contract";
import { build, type Database, sql } from "@tenantctl/database";
import type { FastifyBaseLogger } from "fastify";
import { inBackground, type ReportFailure } from "../background-work.ts";
import { asContractError } from "../problem.ts";
import { describeError } from "./describe-error.ts";

/** Something that went wrong. */
export interface Fault {
  readonly error: unknown;
  readonly source: "request" | "stream" | "job";
  /** The route's id, or the background work's name. */
  readonly place: string;
  readonly requestId?: string | null;
  readonly tenantId?: string | null;
}

export interface ErrorGroups {
  /** Takes note of it, in memory; never waits, never throws. */
  add(fault: Fault): void;
  /** The same for background work. */
  readonly failed: ReportFailure;
  /** What this process has noted since it started, by code. */
  readonly counts: ReadonlyMap<ErrorCode, number>;
  /** Writes what is noted. */
  flush(): Promise<void>;
  /** Writes the rest and stops. */
  close(): Promise<void>;
}

interface Group {
  readonly fingerprint: string;
  code: string;
  readonly error: string;
  readonly source: Fault["source"];
  readonly place: string;
  readonly expected: boolean;
  readonly message: string;
  stack: string | null;
  requestId: string | null;
  occurrences: number;
  readonly tenantIds: Set<string>;
  /** Of the first and the last, by a clock that nobody sets. */
  readonly first: number;
  last: number;
}

const flushEveryMs = 1000;
/** Kinds of error that wait for the database; what comes on top is counted in one that says so. */
const mostGroups = 1000;
const mostTenants = 100;
/** A stack is a few kilobytes. */
const groupsAtOnce = 100;

/** Turned away so that others are served: worth counting, no fault of the program. */
const expectedCodes: ReadonlySet<ErrorCode> = new Set(["overloaded", "draining", "tenant_busy"]);
export const isExpected = (code: ErrorCode): boolean => expectedCodes.has(code);

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : "");

const overflowFingerprint = "0000000000000000";

const addUp = (to: Group, from: Group): void => {
  to.occurrences += from.occurrences;
  for (const id of from.tenantIds) if (to.tenantIds.size < mostTenants) to.tenantIds.add(id);
  if (from.last < to.last) return;
  to.last = from.last;
  to.stack = from.stack;
  to.requestId = from.requestId ?? to.requestId;
};

/** Overflow has no tenants of its own, and nothing to look at. */
const asOverflow = (group: Group): Group => ({
  ...group,
  fingerprint: overflowFingerprint,
  code: "internal",
  error: "several",
  place: "several",
  expected: false,
  message: `more than ${mostGroups} kinds of error at once: these are not told apart`,
  stack: null,
});

const write = (groups: readonly Group[]) => {
  const now = performance.now();
  const lines = groups.map(({ first, last, tenantIds, ...group }) => ({
    ...group,
    version,
    tenantIds: [...tenantIds],
    age: (now - last) / 1000,
    firstAge: (now - first) / 1000,
  }));
  return sql`select app.add_errors(${JSON.stringify(lines)}::json)`.compile(build);
};

/**
 * Groups what goes wrong by its kind, and writes the counts once a second. While the database is away they stay in memory,
 * bounded by the number of kinds, so that its being away is on record once it is back. A process that is killed loses at most
 * what the last second held.
 */
export const createErrorGroups = (db: Database, log: FastifyBaseLogger): ErrorGroups => {
  let waiting = new Map<string, Group>();
  /** Of what is waiting, those that are expected: they come by the thousand, and describing one costs as much as answering it. */
  const described = new Map<string, Group>();
  const counts = new Map<ErrorCode, number>();

  /** Gives the group that it is counted in now. */
  const put = (group: Group): Group => {
    const kept = waiting.has(group.fingerprint) || waiting.size < mostGroups ? group : asOverflow(group);
    const known = waiting.get(kept.fingerprint) ?? kept;
    if (known === kept) waiting.set(kept.fingerprint, kept);
    else addUp(known, kept);
    return known;
  };

  const add = ({ error, source, place, requestId = null, tenantId = null }: Fault): void => {
    const { code } = asContractError(error);
    counts.set(code, (counts.get(code) ?? 0) + 1);
    const now = performance.now();
    const expected = isExpected(code);
    const kind = expected ? `${source} ${place} ${code} ${messageOf(error)}` : "";
    const alike = described.get(kind);
    if (alike !== undefined) {
      alike.occurrences += 1;
      if (tenantId !== null && alike.tenantIds.size < mostTenants) alike.tenantIds.add(tenantId);
      alike.requestId = requestId ?? alike.requestId;
      alike.last = now;
      return;
    }
    const group = put({
      ...describeError(error, code, place),
      code,
      source,
      place,
      expected,
      requestId,
      occurrences: 1,
      tenantIds: new Set(tenantId === null ? [] : [tenantId]),
      first: now,
      last: now,
    });
    if (expected) described.set(kind, group);
  };

  const take = (): Group[] => {
    const taken = [...waiting.values()];
    waiting = new Map();
    described.clear();
    return taken;
  };

  const writeAll = async (): Promise<void> => {
    const taken = take();
    for (let start = 0; start < taken.length; start += groupsAtOnce) {
      try {
        await db.operator().run(write(taken.slice(start, start + groupsAtOnce)));
      } catch (error) {
        const newer = take();
        // In the order in which they came, so that what is newer is what is kept as the example.
        for (const group of [...taken.slice(start), ...newer]) put(group);
        throw error;
      }
    }
  };

  const failed: ReportFailure = (place, error) => add({ error, source: "job", place });
  const background = inBackground("error groups", flushEveryMs, log, writeAll, failed);

  return {
    add,
    failed,
    counts,
    flush: background.now,
    close: async () => {
      background.stop();
      await background.now();
      if (waiting.size === 0) return;
      const lost = [...waiting.values()].map(({ code, place, occurrences }) => ({ code, place, occurrences }));
      log.error({ lost: lost.slice(0, 20), kinds: lost.length }, "errors were not recorded: the database is away");
    },
  };
};

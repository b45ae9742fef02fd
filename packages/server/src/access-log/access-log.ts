import type { RouteId } from "@tenantctl/contract";
import type { Database } from "@tenantctl/database";
import type { FastifyBaseLogger, FastifyRequest } from "fastify";
import { inBackground, type ReportFailure } from "../background-work.ts";
import { type AccessLine, actorKey, addLines, keyOf, lineKey, whoOf } from "./access-line.ts";
import { namedTenant } from "./named-tenant.ts";

export interface AccessLog {
  /** Notes a request that is about to be answered with a success, in memory; never waits. */
  note(id: RouteId, request: FastifyRequest): void;
  /** Writes what is noted. */
  flush(): Promise<void>;
  /** Writes the rest and stops. */
  close(): Promise<void>;
}

const flushEveryMs = 1000;
/** Lines that may wait for the database. */
const mostLines = 50_000;
/** Kept free for operators and their tokens, who reach every tenant: no flood of others hides what they read. */
const mostOfOperators = 10_000;
/** On top of both: lines that say how many requests of a tenant are in none. */
const mostOverflow = 5_000;
/** So that neither this process nor the others, who write one after another, are held up for long. */
const linesAtOnce = 2_000;

type Kind = "ordinary" | "operators" | "overflow";
const room: Readonly<Record<Kind, number>> = {
  ordinary: mostLines,
  operators: mostOfOperators,
  overflow: mostOverflow,
};

const kindOf = ({ actorType, tokenHash, tokenOwner }: AccessLine): Kind => {
  if (actorType === "overflow") return "overflow";
  return actorType === "operator" || (tokenHash !== null && tokenOwner === null) ? "operators" : "ordinary";
};

/** What stands for a line that there is no room for. */
const asOverflow = (line: AccessLine, ofTenant: boolean): AccessLine => ({
  ...line,
  tenant: ofTenant ? line.tenant : "",
  actorType: "overflow",
  actorId: "",
  actorName: null,
  tokenHash: null,
  tokenOwner: null,
  route: "",
  address: "",
});

/**
 * Who read and wrote what: one line per actor, tenant, route, address and minute, noted before the answer leaves and written
 * once a second. A process that is killed loses at most what it held since the last write. While the database is away lines
 * wait in memory; what is more than there is room for is counted in lines that say so.
 */
export const createAccessLog = (db: Database, log: FastifyBaseLogger, report: ReportFailure): AccessLog => {
  let waiting = new Map<string, AccessLine>();
  let held: Record<Kind, number> = { ordinary: 0, operators: 0, overflow: 0 };
  let overflowed = 0;

  const put = (line: AccessLine): void => {
    const key = lineKey(line);
    const known = waiting.get(key);
    if (known !== undefined) {
      known.requests += line.requests;
      known.lastRequestId = line.lastRequestId;
      return;
    }
    const kind = kindOf(line);
    if (held[kind] < room[kind] || (kind === "overflow" && line.tenant === "")) {
      held[kind] += 1;
      waiting.set(key, line);
      return;
    }
    if (kind !== "overflow") overflowed += line.requests;
    put(asOverflow(line, kind !== "overflow"));
  };

  const take = (): AccessLine[] => {
    const lines = [...waiting.values()];
    waiting = new Map();
    held = { ordinary: 0, operators: 0, overflow: 0 };
    return lines;
  };

  const writeAll = async (): Promise<void> => {
    const lines = take();
    for (let start = 0; start < lines.length; start += linesAtOnce) {
      try {
        await db.operator().run(addLines(lines.slice(start, start + linesAtOnce)));
      } catch (error) {
        // What came first has its place first.
        for (const line of [...lines.slice(start), ...take()]) put(line);
        throw error;
      }
    }
    if (overflowed > 0) {
      log.error(
        { requests: overflowed },
        "the access log does not tell these requests apart: too many kinds at once, or the database was away for too long",
      );
      overflowed = 0;
    }
  };

  const background = inBackground("access log", flushEveryMs, log, writeAll, report);

  return {
    note: (id, request) => {
      const actor = actorKey(request.principal);
      if (actor === undefined) return;
      const since = performance.now();
      const tenant = namedTenant(id, request);
      const known = waiting.get(keyOf(since, tenant, actor, id, request.ip));
      if (known !== undefined) {
        known.requests += 1;
        known.lastRequestId = request.id;
        return;
      }
      const who = whoOf(request.principal);
      if (who === undefined) return;
      const requestIds = { firstRequestId: request.id, lastRequestId: request.id };
      put({ tenant, ...who, route: id, address: request.ip, requests: 1, ...requestIds, since });
    },
    flush: background.now,
    close: async () => {
      background.stop();
      await background.now();
      const lost = take();
      if (lost.length === 0) return;
      const requests = lost.reduce((sum, line) => sum + line.requests, 0);
      log.error({ lines: lost.length, requests }, "the access log lacks these: the database is away");
    },
  };
};

import { build, type Database, SYSTEM_TENANT_ID, sql } from "@tenantctl/database";
import type { FastifyBaseLogger } from "fastify";
import { inBackground, type ReportFailure } from "../background-work.ts";

export interface Counter {
  readonly key: string;
  readonly max: number;
}

export interface Count {
  readonly current: number;
  /** Milliseconds until it starts anew. */
  readonly ttl: number;
}

/** Counters in windows of a minute that all processes on one Redis share. */
export interface SharedCounters {
  /** Where Redis is, without its password. */
  readonly place: string;
  /** Milliseconds since Redis stopped answering; 0 while it does. */
  readonly awayMs: number;
  /** What came while Redis did not answer, and was counted by this process alone. */
  readonly countedAlone: number;
  /** Counts one in each, up to the first that goes over its max, in one round trip. Undefined: Redis does not answer. */
  take(counters: readonly Counter[]): Promise<readonly Count[] | undefined>;
  close(): void;
}

/** A Redis that hangs costs the requests of half a second this much once, and no other until it answers again. */
const patienceMs = 500;
const lookEveryMs = 1000;

const takeEach = `
  local counts = {}
  for index, key in ipairs(KEYS) do
    local current = redis.call('INCR', key)
    local left = redis.call('PTTL', key)
    if left < 0 then
      left = tonumber(ARGV[1])
      redis.call('PEXPIRE', key, left)
    end
    counts[#counts + 1] = current
    counts[#counts + 1] = left
    if current > tonumber(ARGV[index + 1]) then break end
  end
  return counts`;

type Take = (keys: number, ...rest: readonly (string | number)[]) => Promise<number[]>;

/** The same in every process of an installation, and in no other: several may use one Redis. */
const installationOf = async (db: Database): Promise<string> => {
  const [row] = await db.operator(undefined, { tenantId: SYSTEM_TENANT_ID, readOnly: true }).run(
    sql<{ id: string }>`select left(encode(sha256(convert_to(concat_ws(' ', d.datname, d.oid,
        (select min(applied_at) from tenancy.migrations)), 'UTF8')), 'hex'), 16) as id
      from pg_database d where d.datname = current_database()`.compile(build),
  );
  if (row === undefined) throw new Error("the database does not know its own name");
  return row.id;
};

/** The error's text alone: what the client hangs on its errors holds the password that it sent. */
const withoutCommand = (error: unknown): Error => new Error(error instanceof Error ? error.message : String(error));

/** Connects to Redis; where that fails it goes on trying, for ever, while its counters answer undefined. */
export const shareCounters = async (
  url: string,
  windowMs: number,
  db: Database,
  log: FastifyBaseLogger,
  report?: ReportFailure,
): Promise<SharedCounters> => {
  const prefix = `tenantctl:${await installationOf(db)}:`;
  // Here, since most processes have no Redis, and it takes memory.
  const { Redis } = await import("ioredis");
  const redis = new Redis(url, {
    lazyConnect: true,
    connectionName: "tenantctl",
    connectTimeout: 2000,
    commandTimeout: patienceMs,
    // A peer that vanished without a word: something is asked every second, so silence is the end of the connection.
    socketTimeout: 5000,
    retryStrategy: (attempts) => Math.min(attempts * 200, 2000),
    // What can't be asked now is counted here: nothing waits, nothing is asked twice.
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    scripts: { takeEach: { lua: takeEach } },
  });
  let refusal: Error | undefined;
  redis.on("error", (error) => {
    refusal = withoutCommand(error);
  });
  redis.on("ready", () => {
    refusal = undefined;
  });

  let awaySince: number | undefined = Date.now();
  let failed: Error | undefined;
  let countedAlone = 0;
  const ask = async (counters: readonly Counter[]): Promise<Count[]> => {
    const { takeEach: take } = redis as unknown as { takeEach: Take };
    const keys = counters.map(({ key }) => `${prefix}${key}`);
    const flat = await take.call(redis, keys.length, ...keys, windowMs, ...counters.map(({ max }) => max));
    return Array.from({ length: flat.length / 2 }, (_, index) => ({
      current: Number(flat[2 * index]),
      ttl: Number(flat[2 * index + 1]),
    }));
  };
  const look = inBackground(
    "shared rate limits (Redis)",
    lookEveryMs,
    log,
    async () => {
      try {
        // Told even where Redis answers again by now: that is one request in a second that was not counted together.
        if (failed !== undefined) throw failed;
        await ask([{ key: "look", max: 1 }]);
        awaySince = undefined;
      } catch (error) {
        awaySince ??= Date.now();
        throw new Error(`each process counts for itself: ${(refusal ?? withoutCommand(error)).message}`);
      } finally {
        failed = undefined;
      }
    },
    report,
  );
  await redis.connect().catch(() => undefined);
  await look.now();

  const { host, port } = redis.options;
  return {
    place: `${host}:${port}`,
    get awayMs() {
      return awaySince === undefined ? 0 : Math.max(1, Date.now() - awaySince);
    },
    get countedAlone() {
      return countedAlone;
    },
    take: async (counters) => {
      if (awaySince === undefined) {
        try {
          return await ask(counters);
        } catch (error) {
          awaySince ??= Date.now();
          failed = withoutCommand(error);
        }
      }
      countedAlone += 1;
      return undefined;
    },
    close: () => {
      look.stop();
      redis.disconnect();
    },
  };
};

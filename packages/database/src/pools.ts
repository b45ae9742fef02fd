import pg from "pg";
import { hasCitus } from "./citus.ts";
import { Client } from "./client.ts";
import { CallerLeft, DatabaseUnavailable, PoolExhausted } from "./database-error.ts";
import { watchSilence } from "./silence-watch.ts";

/** How many wait for each connection at the most: about 0.1 s of work, and what they hold is a few MiB. */
const waitingEach = 50;

export interface PoolSettings {
  url: string;
  /** Most connections at once. */
  size: number;
  /** Pipelined connections answer one round trip per transaction; cursors and COPY need plain ones. */
  pipeline: boolean;
  /** Milliseconds to wait for a connection, free or new. */
  connectTimeout: number;
  name: string;
  onError: (error: Error) => void;
}

/** A borrowed connection, given back exactly once by `release`. */
export interface Borrowed {
  readonly client: Client;
  /** Keeps the connection if no transaction is open on it, else closes it: the next borrower must find it clean. */
  release(): void;
}

/** Connections open and idle, the most there may be, and how many wait for one. */
export interface PoolCounts {
  readonly total: number;
  readonly idle: number;
  readonly max: number;
  readonly waiting: number;
}

/** Whoever asks for something, such as a socket: what nobody waits for any more need not be read. */
export interface Caller {
  readonly destroyed: boolean;
}

export interface Pool {
  /** Throws DatabaseUnavailable, PoolExhausted, CallerLeft. */
  borrow(caller?: Caller): Promise<Borrowed>;
  /** Most connections at once. */
  readonly size: number;
  readonly counts: PoolCounts;
  end(): Promise<void>;
}

export function openPool(settings: PoolSettings): Pool {
  const pool = new pg.Pool({
    Client: Client,
    connectionString: settings.url,
    max: settings.size,
    pipeline: settings.pipeline,
    connectionTimeoutMillis: settings.connectTimeout,
    application_name: settings.name,
    keepAlive: true,
  } as pg.PoolConfig & { Client: typeof Client });
  pool.on("error", settings.onError);
  const borrowed = new Set<Client>();
  const watch = watchSilence(settings.url, borrowed);
  let citus: boolean | undefined;
  return {
    async borrow(caller) {
      if (watch.silent) throw new DatabaseUnavailable(new Error("it has fallen silent"));
      if (pool.waitingCount >= settings.size * waitingEach) throw new PoolExhausted(pool.waitingCount);
      const client = await pool.connect().catch((error: unknown) => {
        // All are lent, and PostgreSQL answers those who have them: it is this process that is at its limit.
        if (borrowed.size >= settings.size && watch.heardWithin(settings.connectTimeout))
          throw new PoolExhausted(pool.waitingCount);
        throw new DatabaseUnavailable(error);
      });
      if (!(client instanceof Client)) {
        throw new TypeError("The pool made a client of another kind.");
      }
      if (caller?.destroyed === true) {
        client.release();
        throw new CallerLeft();
      }
      borrowed.add(client);
      // Asked once, by whoever comes first.
      citus ??= await hasCitus(client).catch((error: unknown) => {
        borrowed.delete(client);
        client.release(true);
        throw new DatabaseUnavailable(error);
      });
      client.citus = citus;
      return {
        client,
        release: () => {
          borrowed.delete(client);
          client.release(client.lost !== undefined || client.stale || client.getTransactionStatus() !== "I");
        },
      };
    },
    size: settings.size,
    get counts() {
      return { total: pool.totalCount, idle: pool.idleCount, max: settings.size, waiting: pool.waitingCount };
    },
    end: () => {
      watch.stop();
      return pool.end();
    },
  };
}

/**
 * A pool for a library that manages its own connections. Listeners stand on every connection for as long as it lives: one
 * that breaks while the library is letting go of it would otherwise end the process.
 */
export function openForeignPool({
  url,
  size,
  name,
  onError,
}: Omit<PoolSettings, "pipeline" | "connectTimeout">): pg.Pool {
  const pool = new pg.Pool({ connectionString: url, max: size, application_name: name, keepAlive: true });
  pool.on("error", onError);
  pool.on("connect", (client) => client.on("error", onError));
  return pool;
}

import type { CompiledQuery } from "kysely";
import { commit, rollback, type Statement } from "./context.ts";
import { TransactionRolledBack } from "./database-error.ts";
import { exchange, exchangeWhole } from "./exchange.ts";
import type { Outcome } from "./pipeline.ts";
import type { Borrowed, Caller, Pool } from "./pools.ts";
import type { StatementNames } from "./statement-names.ts";

export interface Transaction {
  /** Runs one statement. The first one of the transaction brings `begin`, the context and the entry check along. */
  run<R>(query: CompiledQuery<R>): Promise<R[]>;
}

type RowsOf<Q> = Q extends CompiledQuery<infer R> ? R[] : never;

/** The only way to the database: every statement runs in a transaction of its context, behind its entry check. */
export interface Scope {
  /** One statement in a transaction of its own, in one round trip. Throws the first error, the entry check's before the statement's. */
  run<R>(query: CompiledQuery<R>): Promise<R[]>;
  /**
   * Several statements that don't wait for each other's answers: one transaction, one round trip. Throws the first error,
   * and then nothing of them was kept.
   */
  batch<const Q extends readonly CompiledQuery<unknown>[]>(
    queries: Q,
  ): Promise<{ -readonly [I in keyof Q]: RowsOf<Q[I]> }>;
  /** Several statements in one transaction: committed when `fn` resolves, rolled back when it rejects. */
  transaction<T>(fn: (transaction: Transaction) => Promise<T>): Promise<T>;
}

/** A scope over `pool` whose transactions open with `opening`; an empty opening makes single statements go out bare. */
export function createScope(
  pool: Pool,
  names: StatementNames,
  opening: readonly Statement[],
  bare: boolean,
  caller?: Caller,
): Scope {
  async function together(queries: readonly CompiledQuery<unknown>[]): Promise<Outcome[]> {
    // After a migration each connection may be stale once; nothing was kept then, so the next one does it.
    for (let left = pool.size; ; left -= 1) {
      const { client, release } = await pool.borrow(caller);
      try {
        if (bare && queries.length === 1) {
          return await exchangeWhole(client, names, queries);
        }
        const results = await exchangeWhole(client, names, [...opening, ...queries, commit]);
        requireCommit(results.at(-1));
        return results.slice(opening.length, -1);
      } catch (error) {
        if (!client.stale || left === 0) {
          throw error;
        }
      } finally {
        release();
      }
    }
  }

  return {
    async run<R>(query: CompiledQuery<R>) {
      const [result] = await together([query]);
      return rowsOf<R>(result);
    },

    async batch<const Q extends readonly CompiledQuery<unknown>[]>(queries: Q) {
      return (await together(queries)).map(rowsOf) as { -readonly [I in keyof Q]: RowsOf<Q[I]> };
    },

    transaction: (fn) => runTransaction(pool, names, opening, fn, caller),
  };
}

/** Statements that open their own transaction, then commit: in one round trip, without answers. */
export async function runInEach(pool: Pool, names: StatementNames, statements: readonly Statement[]): Promise<void> {
  for (let left = pool.size; ; left -= 1) {
    const { client, release } = await pool.borrow();
    try {
      requireCommit((await exchangeWhole(client, names, [...statements, commit])).at(-1));
      return;
    } catch (error) {
      if (!client.stale || left === 0) throw error;
    } finally {
      release();
    }
  }
}

async function runTransaction<T>(
  pool: Pool,
  names: StatementNames,
  opening: readonly Statement[],
  fn: (transaction: Transaction) => Promise<T>,
  caller: Caller | undefined,
): Promise<T> {
  let borrowing: Promise<Borrowed> | undefined;
  let failure: { reason: unknown } | undefined;
  let over = false;
  const underWay = new Set<Promise<unknown>>();

  async function send<R>(query: CompiledQuery<R>): Promise<R[]> {
    const first = borrowing === undefined;
    borrowing ??= pool.borrow(caller);
    const { client } = await borrowing;
    try {
      const results = await exchange(client, names, first ? [...opening, query] : [query]);
      return rowsOf<R>(results.at(-1));
    } catch (reason) {
      failure ??= { reason };
      throw reason;
    }
  }

  const transaction: Transaction = {
    run(query) {
      if (over) {
        return Promise.reject(new Error("This transaction is over."));
      }
      const sent = send(query);
      underWay.add(sent);
      sent.then(
        () => underWay.delete(sent),
        () => underWay.delete(sent),
      );
      return sent;
    },
  };

  async function finish(statement: Statement): Promise<void> {
    over = true;
    await Promise.allSettled(underWay);
    if (borrowing === undefined) {
      return; // nothing was ever sent
    }
    const { client } = await borrowing;
    const [result] = await exchange(client, names, [statement]);
    if (statement === commit && result?.command !== "COMMIT") {
      throw failure === undefined ? new TransactionRolledBack() : failure.reason;
    }
  }

  try {
    const value = await fn(transaction);
    await finish(commit);
    return value;
  } catch (error) {
    await finish(rollback).catch(() => undefined); // the connection is closed below if this failed
    throw error;
  } finally {
    over = true;
    const borrowed = await borrowing?.catch(() => undefined);
    borrowed?.release();
  }
}

function requireCommit(result: Outcome | undefined): void {
  if (result?.command !== "COMMIT") {
    throw new TransactionRolledBack();
  }
}

function rowsOf<R>(result: Outcome | undefined): R[] {
  return (result?.rows ?? []) as R[];
}

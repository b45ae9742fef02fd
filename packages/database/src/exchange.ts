import pg from "pg";
import type { Client } from "./client.ts";
import { rollback, type Statement, spokenTo } from "./context.ts";
import { DatabaseUnavailable } from "./database-error.ts";
import { type Outcome, Pipeline } from "./pipeline.ts";
import type { StatementNames } from "./statement-names.ts";

/** Errors with which the server takes the connection away (shutdown, idle in transaction, broken protocol). */
const endsConnection = /^(57P|08|25P03)/;

/**
 * Sends the statements together, waits for all answers and gives the results in order. If any failed, throws the first
 * failure in order: what follows it only says that the transaction is aborted.
 */
export async function exchange(
  client: Client,
  names: StatementNames,
  statements: readonly Statement[],
): Promise<pg.QueryResult[]> {
  const queries = spokenTo(client.citus, statements).map((statement) => names.query(statement));
  const answers = await Promise.allSettled(client.together(() => queries.map((query) => client.query(query))));
  return answers.map((answer) => {
    if (answer.status === "rejected") {
      if (outdated(answer.reason)) {
        client.retire();
      }
      throw asUnavailable(client, answer.reason);
    }
    return answer.value;
  });
}

/**
 * Sends the statements of one whole transaction, `begin` and `commit` among them (or one alone), and gives their answers: all
 * leave in one write and PostgreSQL answers once. Throws the first failure, rolled back.
 */
export async function exchangeWhole(
  client: Client,
  names: StatementNames,
  statements: readonly Statement[],
): Promise<Outcome[]> {
  const pipeline = new Pipeline(client, names, spokenTo(client.citus, statements));
  client.query(pipeline);
  try {
    return await pipeline.done;
  } catch (error) {
    if (outdated(error)) {
      client.retire();
    }
    // What came behind the failure was skipped, the commit too.
    if (client.lost === undefined && client.getTransactionStatus() !== "I") {
      await exchange(client, names, [rollback]).catch(() => undefined); // the connection is closed on release
    }
    throw asUnavailable(client, error);
  }
}

/** What a statement on this connection failed with: DatabaseUnavailable where it is the connection that failed. */
export function asUnavailable(client: Client, error: unknown): unknown {
  const ended = error instanceof pg.DatabaseError && endsConnection.test(error.code ?? "");
  return client.lost !== undefined || ended ? new DatabaseUnavailable(error) : error;
}

/** A migration changed what a prepared statement returns: it fails on this connection until the connection is closed. */
export function outdated(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.routine === "RevalidateCachedQuery";
}

import type { CompiledQuery } from "kysely";
import type { Statement } from "./context.ts";
import { rollback } from "./context.ts";
import { abandonCopy, type CopyOut, copyOut } from "./copy-stream.ts";
import { exchange } from "./exchange.ts";
import type { Pool } from "./pools.ts";
import type { StatementNames } from "./statement-names.ts";
import { pinTextForms, textFormSettings } from "./text-forms.ts";

/** One consistent state of the database, for as long as the function it is given to runs. */
export interface Snapshot {
  run<R>(query: CompiledQuery<R>): Promise<R[]>;
  /** The rows in batches, read as they are asked for (with one batch ahead). One stream at a time. */
  stream<R>(query: CompiledQuery<R>, options?: { batchSize?: number }): AsyncIterable<R[]>;
  /** One `COPY … TO STDOUT`, which obeys row-level security; read it to its end before anything else is run. */
  copyTo(text: string): CopyOut;
}

/** A transaction that ends in a rollback whatever is done in it. */
export type Rehearsal = Pick<Snapshot, "run" | "copyTo">;

/** For reading whole tables with COPY. */
export interface SnapshotOptions {
  /** The snapshot is taken once these tables are locked, so that none is rewritten or emptied beneath it. */
  lock?: readonly string[] | undefined;
  /** Pins how values look, and lets a statement take as long as its reader does. */
  exactText?: boolean | undefined;
}

const plain = (sql: string): Statement => ({ sql, parameters: [], plain: true });

/** How long a reader may leave the snapshot alone, say because the client downloads slowly. */
const patience = plain("set local idle_in_transaction_session_timeout = '10min'");
const unlimited = plain("set local statement_timeout = 0");
const exactForms = plain(`${patience.sql}; ${unlimited.sql}; ${pinTextForms}`);
/** The same for where a message may hold only one statement. */
export const exactFormsOneByOne: readonly Statement[] = [patience, unlimited, ...textFormSettings.map(plain)];
const closeCursor = plain("close tenancy_stream");
const defaultBatchSize = 1000;

/** Runs `fn` in a transaction opened by `opening` on a connection of its own, and rolls it back. */
export async function withSnapshot<T>(
  pool: Pool,
  names: StatementNames,
  opening: readonly Statement[],
  fn: (snapshot: Snapshot) => Promise<T>,
  exactText = false,
): Promise<T> {
  const { client, release } = await pool.borrow();

  async function send<R>(statement: Statement): Promise<R[]> {
    const [result] = await exchange(client, names, [statement]);
    return (result?.rows ?? []) as R[];
  }

  async function* stream<R>(query: CompiledQuery<R>, batchSize: number): AsyncGenerator<R[]> {
    await send({
      sql: `declare tenancy_stream no scroll cursor for ${query.sql}`,
      parameters: query.parameters,
      plain: true,
    });
    const fetch: Statement = { sql: `fetch forward ${batchSize} from tenancy_stream`, parameters: [], plain: true };
    let next = send<R>(fetch);
    try {
      for (let rows = await next; rows.length > 0; rows = await next) {
        next = rows.length < batchSize ? Promise.resolve([]) : send<R>(fetch);
        next.catch(() => undefined); // reported when it is awaited
        yield rows;
      }
    } finally {
      // A reader that stops early leaves a fetch under way; after a failure there is no cursor left to close.
      await next.then(() => send(closeCursor)).catch(() => undefined);
    }
  }

  try {
    for (const statement of [...opening, exactText ? exactForms : patience]) {
      await send(statement);
    }
    return await fn({
      run: send,
      stream: (query, options) => stream(query, options?.batchSize ?? defaultBatchSize),
      copyTo: (text) => copyOut(client, text),
    });
  } finally {
    abandonCopy(client);
    if (client.lost === undefined) await send(rollback).catch(() => undefined); // nothing was written; a dead connection is closed by release
    release();
  }
}

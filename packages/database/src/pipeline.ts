import pg from "pg";
import type { Client } from "./client.ts";
import type { Statement } from "./context.ts";
import { messages } from "./messages.ts";
import { type Column, type Listener, Replies } from "./replies.ts";
import type { StatementNames } from "./statement-names.ts";

/** What one statement answered. */
export interface Outcome {
  readonly command: string | undefined;
  readonly rows: unknown[];
}

/** The messages of one exchange. A statement that is prepared on the connection goes without its text. */
const compose = (client: Client, names: readonly string[], statements: readonly Statement[]): Buffer =>
  messages.compose(() => {
    for (const [index, { sql, parameters, plain }] of statements.entries()) {
      const name = names[index] ?? "";
      const known = client.prepared.has(name);
      if (!known) {
        // It may be there since a time when something before it failed.
        if (name !== "") messages.close(name);
        messages.parse(name, sql);
      }
      messages.bind(name, parameters);
      if (!known && plain !== true) messages.describe();
      messages.execute();
    }
    messages.sync();
  });

/** `SELECT 3` is a select: the first word of the tag. */
const commandOf = (tag: string): string => {
  const space = tag.indexOf(" ");
  return space < 0 ? tag : tag.slice(0, space);
};

/**
 * Statements that go out in one write with a single request for an answer behind them all: PostgreSQL answers once, and
 * skips what follows a statement that fails. pg would ask for an answer after each. Only for statements that together are a
 * whole transaction. A prepared one is described once per connection.
 */
export class Pipeline extends pg.Query implements Listener {
  readonly done: Promise<Outcome[]>;
  readonly #client: Client;
  /** What each statement is prepared as; empty: nothing. */
  readonly #names: readonly string[];
  readonly #bytes: Buffer;
  readonly #outcomes: Outcome[] = [];
  #columns: readonly Column[] | undefined;
  #rows: unknown[] = [];
  #failure: unknown;
  #failed = false;
  #settle: () => void = () => undefined;

  constructor(client: Client, names: StatementNames, statements: readonly Statement[]) {
    super("");
    this.#client = client;
    this.#names = statements.map((statement) => names.inPipeline(statement));
    this.#bytes = compose(client, this.#names, statements);
    this.done = new Promise((resolve, reject) => {
      this.#settle = () => {
        if (this.#failed) reject(this.#failure);
        else resolve(this.#outcomes);
      };
    });
  }

  override readonly submit = (connection: pg.Connection): void => {
    new Replies(connection, this);
    this.#client.send(this.#bytes);
  };

  columns(columns: readonly Column[]): void {
    this.#columns = columns;
  }

  row(bytes: Buffer, at: number): void {
    if (this.#failed) return;
    this.#columns ??= this.#client.prepared.get(this.#names[this.#outcomes.length] ?? "") ?? [];
    try {
      const row: Record<string, unknown> = {};
      let next = at;
      for (const { name, read } of this.#columns) {
        const length = bytes.readInt32BE(next);
        next += 4;
        row[name] = length < 0 ? null : read(bytes, next, next + length);
        next += Math.max(0, length);
      }
      this.#rows.push(row);
    } catch (error) {
      this.#fail(error);
    }
  }

  complete(tag: string): void {
    const name = this.#names[this.#outcomes.length] ?? "";
    if (name !== "" && !this.#client.prepared.has(name)) this.#client.prepared.set(name, this.#columns ?? []);
    this.#outcomes.push({ command: commandOf(tag), rows: this.#rows });
    this.#columns = undefined;
    this.#rows = [];
  }

  handleReadyForQuery(): void {
    this.#settle();
  }

  /** PostgreSQL's error is followed by its readiness, unless the connection ends: only then is the transaction's state known. */
  handleError(error: unknown, connection: pg.Connection): void {
    this.#fail(error);
    if (!(error instanceof pg.DatabaseError)) {
      this.#settle();
      return;
    }
    const settle = (): void => {
      connection.off("readyForQuery", settle);
      connection.off("end", settle);
      this.#settle();
    };
    connection.on("readyForQuery", settle);
    connection.on("end", settle);
  }

  #fail(error: unknown): void {
    if (this.#failed) return;
    this.#failed = true;
    this.#failure = error;
  }
}

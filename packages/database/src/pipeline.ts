import pg from "pg";
import type { Client } from "./client.ts";
import { typeParsers } from "./type-parsers.ts";

/** What pg itself makes parameters of, which its types leave out. */
const { prepareValue } = (pg as unknown as { utils: { prepareValue(value: unknown): string | Buffer | null } }).utils;

/** A statement as it goes out; under a name it is prepared once per connection. */
export interface Sent {
  readonly text: string;
  readonly values: readonly unknown[];
  readonly name?: string;
  /** It answers no rows, so that nothing needs to describe them. */
  readonly silent?: boolean;
}

/** What one statement answered. */
export interface Outcome {
  readonly command: string | undefined;
  readonly rows: unknown[];
}

/** A column of an answer, and what makes a value of its text. */
export interface Column {
  readonly name: string;
  readonly parse: (text: string) => unknown;
}

interface RowDescription {
  readonly fields: readonly { readonly name: string; readonly dataTypeID: number }[];
}

/**
 * Statements that go out as one message each with a single request for an answer behind them all: PostgreSQL answers once,
 * and skips what follows a statement that fails. pg would ask for an answer after each. Only for statements that together
 * are a whole transaction. A prepared one is described once per connection.
 */
export class Pipeline extends pg.Query {
  readonly done: Promise<Outcome[]>;
  readonly #client: Client;
  readonly #sent: readonly (Omit<Sent, "values"> & { readonly values: (string | Buffer | null)[] })[];
  readonly #outcomes: Outcome[] = [];
  #columns: readonly Column[] | undefined;
  #rows: unknown[] = [];
  #failure: unknown;
  #failed = false;
  #settle: () => void = () => undefined;

  constructor(client: Client, sent: readonly Sent[]) {
    super("");
    this.#client = client;
    // Here, not while it is sent: were it to fail then, half of it would be on its way.
    this.#sent = sent.map((one) => ({ ...one, values: one.values.map(prepareValue) }));
    this.done = new Promise((resolve, reject) => {
      this.#settle = () => {
        if (this.#failed) reject(this.#failure);
        else resolve(this.#outcomes);
      };
    });
  }

  override readonly submit = (connection: pg.Connection): void => {
    this.#client.together(() => {
      for (const { text, values, name = "", silent } of this.#sent) {
        const columns = this.#client.prepared.get(name);
        if (columns === undefined) {
          // It may be there since a time when something before it failed.
          if (name !== "") connection.close({ type: "S", name }, true);
          connection.parse({ name, text, types: [] }, true);
        }
        connection.bind({ statement: name, values }, true);
        if (columns === undefined && !silent) connection.describe({ type: "P", name: "" }, true);
        connection.execute({}, true);
      }
      connection.sync();
    });
  };

  handleRowDescription({ fields }: RowDescription): void {
    this.#columns = fields.map(({ name, dataTypeID }) => ({
      name,
      parse: typeParsers.getTypeParser(dataTypeID, "text"),
    }));
  }

  handleDataRow({ fields }: { readonly fields: readonly (string | null)[] }): void {
    if (this.#failed) return;
    this.#columns ??= this.#client.prepared.get(this.#sent[this.#outcomes.length]?.name ?? "");
    try {
      const row: Record<string, unknown> = {};
      for (const [index, { name, parse }] of (this.#columns ?? []).entries()) {
        const text = fields[index] ?? null;
        row[name] = text === null ? null : parse(text);
      }
      this.#rows.push(row);
    } catch (error) {
      this.#fail(error);
    }
  }

  handleCommandComplete({ text }: { readonly text: string }): void {
    const name = this.#sent[this.#outcomes.length]?.name;
    if (name !== undefined && !this.#client.prepared.has(name)) this.#client.prepared.set(name, this.#columns ?? []);
    this.#outcomes.push({ command: /^\w+/.exec(text)?.[0], rows: this.#rows });
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

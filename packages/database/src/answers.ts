import pg from "pg";
import type { Client } from "./client.ts";
import { rollback, type Statement, spokenTo } from "./context.ts";
import { DatabaseUnavailable } from "./database-error.ts";
import { asUnavailable, exchange, outdated } from "./exchange.ts";
import { Incoming } from "./incoming.ts";
import { messages } from "./messages.ts";
import type { Pool } from "./pools.ts";
import { RowText } from "./row-text.ts";
import type { StatementNames } from "./statement-names.ts";

/** What PostgreSQL answers to statements, in the order it comes; `statement` counts them from 0. */
export type Answer =
  | { readonly kind: "row"; readonly statement: number; readonly values: readonly (string | null)[] }
  /** COPY text, or rows as such (`asCopyText`), valid until the next answer is asked for. */
  | { readonly kind: "copy"; readonly statement: number; readonly bytes: Buffer }
  /** The statement is through; `rows` as its command tag counts them. */
  | { readonly kind: "done"; readonly statement: number; readonly rows: number };

const parseComplete = 0x31;
const copyData = 0x64;
const commandComplete = 0x43;
const dataRow = 0x44;
const emptyQuery = 0x49;
const errorResponse = 0x45;
const readyForQuery = 0x5a;
const headerBytes = 5;

/** Bytes read ahead of the reader before the socket is left alone; one more read may come on top. */
const readAhead = 192 * 1024;
/** How long neither side may stand still: longer, and the snapshot it holds open costs everybody else. */
const patienceMs = 10 * 60_000;

const numberOfRows = (tag: string): number => Number(/\d+$/.exec(tag)?.[0] ?? 0);

const textUpToZero = (bytes: Buffer): string => bytes.toString("utf8", 0, bytes.indexOf(0));

function readRow(body: Buffer): (string | null)[] {
  const values: (string | null)[] = [];
  let at = 2;
  for (let left = body.readUInt16BE(0); left > 0; left -= 1) {
    const length = body.readInt32BE(at);
    at += 4;
    values.push(length < 0 ? null : body.toString("utf8", at, at + length));
    at += Math.max(0, length);
  }
  return values;
}

const errorFields = {
  S: "severity",
  C: "code",
  D: "detail",
  H: "hint",
  W: "where",
  s: "schema",
  t: "table",
  c: "column",
  d: "dataType",
  n: "constraint",
  R: "routine",
} as const;
const isErrorField = (key: string): key is keyof typeof errorFields => key in errorFields;

function readError(body: Buffer): pg.DatabaseError {
  const fields = body
    .toString("utf8")
    .split("\0")
    .map((field) => [field.slice(0, 1), field.slice(1)] as const);
  const message = fields.find(([key]) => key === "M")?.[1] ?? "the statement failed";
  const error = new pg.DatabaseError(message, body.length, "error");
  for (const [key, value] of fields) if (isErrorField(key)) error[errorFields[key]] = value;
  return error;
}

/** Kept with the connection: memory made for each archive would be let go of late. */
const incomingOf = new WeakMap<Client, Incoming>();
const rowTextOf = new WeakMap<Client, RowText>();

/** Statements that were prepared here, by connection. pg keeps its own list, and its own names. */
const preparedOn = new WeakMap<Client, Set<string>>();

/** Sends all statements in one write and reads what comes back past pg, which gets the connection back with the last message. */
class Exchange implements pg.Submittable {
  readonly #client: Client;
  readonly #bytes: Buffer;
  /** What each statement is prepared as; empty: nothing. */
  readonly #prepared: readonly string[];
  readonly #known: Set<string>;
  #stream: pg.Connection["stream"] | undefined;
  /** pg's own reader of the connection. */
  #reader: ((bytes: Buffer) => void) | undefined;
  readonly #incoming: Incoming;
  #failure: Error | undefined;
  #wake: (() => void) | undefined;

  constructor(client: Client, names: StatementNames, statements: readonly Statement[]) {
    this.#client = client;
    this.#prepared = statements.map((statement) => {
      const { name } = names.query(statement);
      return name === undefined ? "" : `read ${name}`;
    });
    this.#known = preparedOn.get(client) ?? new Set();
    preparedOn.set(client, this.#known);
    this.#bytes = messages.compose(() => {
      const asked = new Set<string>();
      for (const [index, { sql, parameters }] of statements.entries()) {
        const statement = this.#prepared[index] ?? "";
        if (statement === "" || !(this.#known.has(statement) || asked.has(statement))) messages.parse(statement, sql);
        asked.add(statement);
        messages.bind(statement, parameters);
        messages.execute();
      }
      messages.sync();
    });
    this.#incoming = incomingOf.get(client) ?? new Incoming();
    this.#incoming.take(); // of whoever had the connection before
    incomingOf.set(client, this.#incoming);
  }

  submit(connection: pg.Connection): void {
    const { stream } = connection;
    const [reader] = stream.listeners("data");
    if (reader === undefined) throw new Error("Nobody reads this connection.");
    this.#stream = stream;
    this.#reader = reader as (bytes: Buffer) => void;
    stream.off("data", this.#reader);
    stream.on("data", this.#take);
    this.#client.lendReads(true);
    this.#client.send(this.#bytes);
  }

  readonly #take = (bytes: Buffer): void => {
    this.#incoming.add(bytes);
    if (this.#incoming.length >= readAhead) this.#stream?.pause();
    this.#wake?.();
  };

  /** What came since it was last asked, valid until it is asked again; waits for it. */
  async next(): Promise<Buffer> {
    while (this.#incoming.length === 0) {
      if (this.#failure !== undefined) throw this.#failure;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    if (this.#incoming.length >= readAhead) this.#stream?.resume();
    return this.#incoming.take();
  }

  /** This statement was parsed: under its name it need not be again. */
  parsed(statement: number): void {
    const name = this.#prepared[statement] ?? "";
    if (name !== "") this.#known.add(name);
  }

  fail(error: Error): void {
    this.#failure ??= error;
    this.#wake?.();
  }

  /** Gives the connection back, with the message that says that it is ready. */
  giveBack(ready: Buffer): void {
    const [stream, reader] = [this.#stream, this.#reader];
    if (stream === undefined || reader === undefined) return;
    stream.off("data", this.#take);
    this.#client.lendReads(false);
    stream.on("data", reader);
    for (const bytes of [ready, this.#incoming.take()]) if (bytes.length > 0) reader(Buffer.from(bytes));
    stream.resume();
  }

  handleError(error: Error): void {
    this.fail(error);
  }
  handleReadyForQuery(): void {}
}

/**
 * The answers to the statements in the order given, up to the first that fails, whose error is thrown. A reader that stops early
 * gives up the connection. `asked` says of each whether its answer is of interest; answers are then counted among those alone.
 */
export async function* converse(
  client: Client,
  names: StatementNames,
  statements: readonly Statement[],
  asked: readonly boolean[],
): AsyncGenerator<Answer, void, undefined> {
  const exchanged = new Exchange(client, names, spokenTo(client.citus, statements));
  const lose = (error?: Error) =>
    exchanged.fail(new DatabaseUnavailable(error ?? new Error("The connection to the database ended.")));
  const watch = setTimeout(
    () => exchanged.fail(new Error("The snapshot stood still for 10 minutes and was given up.")),
    patienceMs,
  );
  client.once("error", lose);
  client.once("end", lose);
  let ended = false;
  let failure: Error | undefined;
  /** The place of the statement that is being answered among all, and among those that were asked about. */
  let [place, statement] = [0, 0];
  /** Of a message whose end has not come yet. */
  let begun = Buffer.alloc(0);
  /** Bytes of COPY text, or of a row that is to become such, that a message still owes. */
  let owed = 0;
  let owesRow = false;
  const rowText = rowTextOf.get(client) ?? new RowText();
  rowTextOf.set(client, rowText);
  try {
    client.query(exchanged);
    while (!ended) {
      const came = await exchanged.next();
      watch.refresh();
      const chunk = begun.length === 0 ? came : Buffer.concat([begun, came]);
      begun = Buffer.alloc(0);
      // COPY text is moved together in place: a message for each row would be too many to hand on.
      let [from, to, at] = [0, 0, 0];
      while (at < chunk.length) {
        if (owed > 0) {
          const taken = Math.min(owed, chunk.length - at);
          if (owesRow) rowText.add(chunk.subarray(at, at + taken));
          else {
            if (to !== at) chunk.copyWithin(to, at, at + taken);
            to += taken;
          }
          at += taken;
          owed -= taken;
          continue;
        }
        const left = chunk.length - at;
        const size = left < headerBytes ? headerBytes : chunk.readUInt32BE(at + 1) + 1;
        const code = chunk[at];
        const isRowText = code === dataRow && statements[place]?.asCopyText === true;
        if ((code === copyData || isRowText) && left >= headerBytes) {
          owed = size - headerBytes;
          owesRow = isRowText;
          at += headerBytes;
          continue;
        }
        if (left < size) {
          begun = Buffer.from(chunk.subarray(at));
          break;
        }
        const text = rowText.length > 0 ? rowText.take() : chunk.subarray(from, to);
        if (text.length > 0 && failure === undefined) {
          yield { kind: "copy", statement, bytes: text };
          watch.refresh();
        }
        const body = chunk.subarray(at + headerBytes, at + size);
        if (code === readyForQuery) {
          ended = true;
          exchanged.giveBack(chunk.subarray(at));
          break;
        }
        at += size;
        from = at;
        to = at;
        if (code === parseComplete) exchanged.parsed(place);
        else if (code === errorResponse) failure ??= readError(body);
        else if (code === dataRow && asked[place] === true) yield { kind: "row", statement, values: readRow(body) };
        else if (code === commandComplete || code === emptyQuery) {
          place += 1;
          if (asked[place - 1] !== true) continue;
          yield { kind: "done", statement, rows: code === emptyQuery ? 0 : numberOfRows(textUpToZero(body)) };
          statement += 1;
        }
      }
      const text = rowText.length > 0 ? rowText.take() : chunk.subarray(from, to);
      if (!ended && text.length > 0 && failure === undefined) {
        yield { kind: "copy", statement, bytes: text };
        watch.refresh();
      }
    }
  } finally {
    clearTimeout(watch);
    client.off("error", lose);
    client.off("end", lose);
    if (!ended) client.abandon();
  }
  if (failure === undefined) return;
  if (outdated(failure)) client.retire();
  throw asUnavailable(client, failure);
}

/**
 * Runs statements in one transaction that `opening` opens and that is rolled back in the end, all in one round trip. Gives the
 * answers to `statements`; the snapshot lasts as long as they are read.
 */
export async function* readTogether(
  pool: Pool,
  names: StatementNames,
  opening: readonly Statement[],
  statements: readonly Statement[],
): AsyncGenerator<Answer, void, undefined> {
  const { client, release } = await pool.borrow();
  const asked = [...opening.map(() => false), ...statements.map(() => true), false];
  try {
    yield* converse(client, names, [...opening, ...statements, rollback], asked);
  } finally {
    // Only where a statement failed is there still something to roll back.
    if (client.lost === undefined && client.getTransactionStatus() !== "I")
      await exchange(client, names, [rollback]).catch(() => undefined);
    release();
  }
}

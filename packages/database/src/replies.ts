import type pg from "pg";
import { typeParsers } from "./type-parsers.ts";

/** A column of an answer, and what makes a value of its bytes. */
export interface Column {
  readonly name: string;
  readonly read: (bytes: Buffer, from: number, to: number) => unknown;
}

/** What comes back, message by message. */
export interface Listener {
  columns(columns: readonly Column[]): void;
  /** A row: as many fields as it has columns, from `at` on. */
  row(bytes: Buffer, at: number): void;
  complete(tag: string): void;
}

const letters = {
  parseComplete: 0x31,
  bindComplete: 0x32,
  closeComplete: 0x33,
  noData: 0x6e,
  rowDescription: 0x54,
  dataRow: 0x44,
  commandComplete: 0x43,
  readyForQuery: 0x5a,
} as const;
const headerBytes = 5;

/** A column whose name begins so is given as the bytes that came, under the rest of its name: text that is only passed on. */
export const asBytes = "utf8:";

const columnOf = (name: string, type: number): Column => {
  if (name.startsWith(asBytes))
    return { name: name.slice(asBytes.length), read: (bytes, from, to) => bytes.subarray(from, to) };
  const parse = typeParsers.getTypeParser(type, "text");
  return { name, read: (bytes, from, to) => parse(bytes.toString("utf8", from, to)) };
};

const readColumns = (bytes: Buffer, at: number): Column[] => {
  const columns: Column[] = [];
  let next = at + 2;
  for (let left = bytes.readUInt16BE(at); left > 0; left -= 1) {
    const end = bytes.indexOf(0, next);
    // Behind the name: table (4 bytes), column (2), type (4), size (2), modifier (4), format (2).
    columns.push(columnOf(bytes.toString("utf8", next, end), bytes.readUInt32BE(end + 7)));
    next = end + 19;
  }
  return columns;
};

/**
 * Reads the answers of one exchange past pg, which makes an object and an event of every message, and a string of every
 * field. It gets what it has to know of (errors, notices, readiness) and then the connection back.
 */
export class Replies {
  readonly #stream: pg.Connection["stream"];
  /** pg's own reader of the connection. */
  readonly #reader: (bytes: Buffer) => void;
  readonly #listener: Listener;
  /** Of a message whose end has not come yet. */
  #begun: Buffer[] = [];
  #length = 0;
  #needed = headerBytes;

  constructor(connection: pg.Connection, listener: Listener) {
    this.#stream = connection.stream;
    this.#listener = listener;
    const [reader] = this.#stream.listeners("data");
    if (reader === undefined) throw new Error("Nobody reads this connection.");
    this.#reader = reader as (bytes: Buffer) => void;
    this.#stream.off("data", this.#reader);
    this.#stream.on("data", this.#take);
  }

  readonly #take = (chunk: Buffer): void => {
    this.#begun.push(chunk);
    this.#length += chunk.length;
    if (this.#length < this.#needed) return;
    const bytes = this.#begun.length === 1 ? chunk : Buffer.concat(this.#begun, this.#length);
    let at = 0;
    let left = bytes.length;
    this.#needed = headerBytes;
    while (left >= headerBytes) {
      const size = bytes.readUInt32BE(at + 1) + 1;
      if (left < size) {
        this.#needed = size;
        break;
      }
      if (bytes[at] === letters.readyForQuery) {
        this.#giveBack(bytes.subarray(at));
        return;
      }
      this.#message(bytes, at, at + size);
      at += size;
      left -= size;
    }
    this.#begun = left === 0 ? [] : [bytes.subarray(at)];
    this.#length = left;
  };

  #message(bytes: Buffer, from: number, to: number): void {
    const body = from + headerBytes;
    switch (bytes[from]) {
      case letters.parseComplete:
      case letters.bindComplete:
      case letters.closeComplete:
      case letters.noData:
        return;
      case letters.rowDescription:
        this.#listener.columns(readColumns(bytes, body));
        return;
      case letters.dataRow:
        this.#listener.row(bytes, body + 2);
        return;
      case letters.commandComplete:
        this.#listener.complete(bytes.toString("latin1", body, to - 1));
        return;
      default:
        this.#reader(Buffer.from(bytes.subarray(from, to)));
    }
  }

  #giveBack(rest: Buffer): void {
    this.#stream.off("data", this.#take);
    this.#stream.on("data", this.#reader);
    this.#reader(Buffer.from(rest));
  }
}

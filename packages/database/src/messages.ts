import pg from "pg";

/** What pg itself makes parameters of, which its types leave out. */
const { prepareValue } = (pg as unknown as { utils: { prepareValue(value: unknown): string | Buffer | null } }).utils;

const letters = { parse: 0x50, bind: 0x42, describe: 0x44, execute: 0x45, close: 0x43, sync: 0x53 } as const;
/** Of what is described or closed. */
const kinds = { portal: 0x50, statement: 0x53 } as const;
const textFormat = 0;
const binaryFormat = 1;
const startBytes = 16 * 1024;
/** More than this is given back, lest one large document is kept for good. */
const keptBytes = 1024 * 1024;

/**
 * Messages of PostgreSQL's extended protocol, one behind the other in one piece of memory, so that they leave in one write.
 * pg makes a buffer of each, which is most of what sending small statements costs.
 */
class Messages {
  #memory = Buffer.allocUnsafeSlow(startBytes);
  #at = 0;
  /** Where the length of the message at work stands. */
  #length = 0;

  parse(name: string, text: string): void {
    this.#begin(letters.parse);
    this.#text(name);
    this.#text(text);
    this.#int16(0); // PostgreSQL finds the parameters' types
    this.#end();
  }

  /** Binds the unnamed portal. `values` may be anything that pg takes for a parameter. */
  bind(statement: string, values: readonly unknown[]): void {
    this.#begin(letters.bind);
    this.#text("");
    this.#text(statement);
    this.#int16(values.length);
    for (const value of values) this.#int16(ArrayBuffer.isView(value) ? binaryFormat : textFormat);
    this.#int16(values.length);
    for (const value of values) this.#value(value);
    this.#int16(0); // all columns as text
    this.#end();
  }

  describe(): void {
    this.#begin(letters.describe);
    this.#byte(kinds.portal);
    this.#text("");
    this.#end();
  }

  execute(): void {
    this.#begin(letters.execute);
    this.#text("");
    this.#int32(0); // all rows
    this.#end();
  }

  close(statement: string): void {
    this.#begin(letters.close);
    this.#byte(kinds.statement);
    this.#text(statement);
    this.#end();
  }

  sync(): void {
    this.#begin(letters.sync);
    this.#end();
  }

  /** The messages that `work` composes, in memory of their own; nothing of them where it throws. */
  compose(work: () => void): Buffer {
    try {
      work();
      return Buffer.from(this.#memory.subarray(0, this.#at));
    } finally {
      this.#at = 0;
      if (this.#memory.length > keptBytes) this.#memory = Buffer.allocUnsafeSlow(startBytes);
    }
  }

  #begin(letter: number): void {
    this.#byte(letter);
    this.#length = this.#at;
    this.#int32(0);
  }

  #end(): void {
    this.#memory.writeInt32BE(this.#at - this.#length, this.#length);
  }

  #room(bytes: number): void {
    if (this.#at + bytes <= this.#memory.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(this.#memory.length * 2, this.#at + bytes));
    this.#memory.copy(larger, 0, 0, this.#at);
    this.#memory = larger;
  }

  #byte(value: number): void {
    this.#room(1);
    this.#memory[this.#at] = value;
    this.#at += 1;
  }

  #int16(value: number): void {
    this.#room(2);
    this.#at = this.#memory.writeUInt16BE(value, this.#at);
  }

  #int32(value: number): void {
    this.#room(4);
    this.#at = this.#memory.writeInt32BE(value, this.#at);
  }

  /** Text up to a zero byte. */
  #text(value: string): void {
    this.#utf8(value);
    this.#byte(0);
  }

  #utf8(value: string): void {
    this.#room(value.length * 3); // the most that UTF-8 takes for each unit of a string
    this.#at += this.#memory.write(value, this.#at);
  }

  #value(value: unknown): void {
    const given = typeof value === "string" ? value : prepareValue(value);
    if (given === null) {
      this.#int32(-1);
      return;
    }
    const length = this.#at;
    this.#int32(0);
    if (typeof given === "string") this.#utf8(given);
    else {
      this.#room(given.length);
      this.#at += given.copy(this.#memory, this.#at);
    }
    this.#memory.writeInt32BE(this.#at - length - 4, length);
  }
}

/** For all connections: nothing waits while one composes. */
export const messages = new Messages();

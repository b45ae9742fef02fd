const [tab, newline, backslash] = [0x09, 0x0a, 0x5c];
/** What COPY writes behind a backslash instead of a byte, by the byte; 0 where it writes the byte itself. */
const escapes = new Uint8Array(256);
for (const [byte, letter] of ["\bb", "\tt", "\nn", "\vv", "\ff", "\rr", "\\\\"].map((pair) => Buffer.from(pair)))
  escapes[byte ?? 0] = letter ?? 0;

/** Makes of DataRow messages the text that COPY would have sent of the same rows, however the messages are cut. */
export class RowText {
  #text = Buffer.alloc(0);
  #length = 0;
  /** The number that is being read: how many bytes of it are still to come, and those that came. */
  #missing = 2;
  #number = 0;
  /** Values of this row that have not ended; 0: a row begins next. */
  #values = 0;
  #isFirst = true;
  /** Bytes of this value that are still to come. */
  #owed = 0;

  get length(): number {
    return this.#length;
  }

  /** The bodies of messages, from where the last ones ended. */
  add(bytes: Uint8Array): void {
    this.#room(2 * bytes.length + 2);
    for (let at = 0; at < bytes.length; ) {
      if (this.#owed > 0) {
        const end = Math.min(bytes.length, at + this.#owed);
        this.#owed -= end - at;
        this.#value(bytes, at, end);
        at = end;
        if (this.#owed === 0) this.#endValue();
        continue;
      }
      this.#number = (this.#number << 8) | (bytes[at] ?? 0);
      this.#missing -= 1;
      at += 1;
      if (this.#missing === 0) this.#take(this.#number);
    }
  }

  /** The text since it was last taken, valid until more is added. */
  take(): Buffer {
    const text = this.#text.subarray(0, this.#length);
    this.#length = 0;
    return text;
  }

  #take(number: number): void {
    this.#number = 0;
    this.#missing = 4;
    if (this.#values === 0) {
      this.#values = number;
      this.#isFirst = true;
      if (number === 0) this.#endRow();
      return;
    }
    if (!this.#isFirst) this.#byte(tab);
    this.#isFirst = false;
    if (number > 0) {
      this.#owed = number;
      return;
    }
    if (number < 0) {
      this.#byte(backslash);
      this.#byte(0x4e); // N: null
    }
    this.#endValue();
  }

  #value(bytes: Uint8Array, from: number, to: number): void {
    const text = this.#text;
    let length = this.#length;
    for (let at = from; at < to; at += 1) {
      const byte = bytes[at] ?? 0;
      const letter = escapes[byte] ?? 0;
      if (letter === 0) text[length] = byte;
      else {
        text[length] = backslash;
        length += 1;
        text[length] = letter;
      }
      length += 1;
    }
    this.#length = length;
  }

  #endValue(): void {
    this.#values -= 1;
    if (this.#values === 0) this.#endRow();
  }

  #endRow(): void {
    this.#byte(newline);
    this.#missing = 2;
  }

  #byte(byte: number): void {
    this.#text[this.#length] = byte;
    this.#length += 1;
  }

  #room(bytes: number): void {
    if (this.#length + bytes <= this.#text.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(this.#length + bytes, 2 * this.#text.length));
    this.#text.copy(larger, 0, 0, this.#length);
    this.#text = larger;
  }
}

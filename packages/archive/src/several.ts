import { damaged } from "./archive-error.ts";
import { pieceBytes } from "./in-pieces.ts";

/** Of one archive among several in a stream. */
export interface ArchiveAmongSeveral {
  readonly tenantId: string;
  /** Its bytes, each valid until the next are asked for; a failure says that this archive will not come, and nothing about the next. */
  readonly open: () => Promise<AsyncIterable<Uint8Array>>;
}

/** What a stream of several archives says, in order. */
export type SeveralEvent =
  | { readonly kind: "begin"; readonly tenantId: string }
  /** Part of a chunk of the source, valid as long as that is. */
  | { readonly kind: "data"; readonly bytes: Buffer }
  /** The archive is over: all of it was sent, or its reading failed on the other side. */
  | { readonly kind: "end"; readonly whole: boolean };

/** Each frame: one of these letters, the length of its content in four bytes (big-endian), the content. */
const letters = { begin: 0x54, data: 0x44, whole: 0x45, failed: 0x46 } as const;
const headBytes = 5;
/** Of whose an archive is, in bytes. */
const longestName = 1024;

/** Frames, gathered into pieces of memory that nobody writes to again: each piece that is sent costs its receiver a wake-up. */
class Frames {
  #piece = Buffer.allocUnsafeSlow(pieceBytes);
  #filled = 0;
  /** Where the head of the data frame that is being filled stands. */
  #open: number | undefined;

  /** What an archive gives, as it is given: frames of it end with their piece, not with the bytes that came. */
  *data(bytes: Uint8Array): Generator<Buffer, void, undefined> {
    for (let taken = 0; taken < bytes.length; ) {
      if (this.#open === undefined) {
        if (this.#filled + headBytes >= pieceBytes) yield this.#next();
        this.#open = this.#filled;
        this.#filled += headBytes;
      }
      const some = bytes.subarray(taken, taken + pieceBytes - this.#filled);
      this.#piece.set(some, this.#filled);
      this.#filled += some.length;
      taken += some.length;
      if (this.#filled === pieceBytes) yield this.#next();
    }
  }

  *mark(letter: number, content: Uint8Array = nothing): Generator<Buffer, void, undefined> {
    this.#close();
    if (this.#filled + headBytes + content.length > pieceBytes) yield this.#next();
    this.#head(this.#filled, letter, content.length);
    this.#piece.set(content, this.#filled + headBytes);
    this.#filled += headBytes + content.length;
  }

  *rest(): Generator<Buffer, void, undefined> {
    if (this.#filled > 0) yield this.#next();
  }

  #head(at: number, letter: number, length: number): void {
    this.#piece[at] = letter;
    this.#piece.writeUInt32BE(length, at + 1);
  }

  #close(): void {
    if (this.#open !== undefined) this.#head(this.#open, letters.data, this.#filled - this.#open - headBytes);
    this.#open = undefined;
  }

  #next(): Buffer {
    this.#close();
    const full = this.#piece.subarray(0, this.#filled);
    this.#piece = Buffer.allocUnsafeSlow(pieceBytes);
    this.#filled = 0;
    return full;
  }
}
const nothing = new Uint8Array(0);

/** Several archives one after the other. One that fails is marked as failed, `onFailure` is told why, and the next follows. */
export async function* writeSeveral(
  archives: Iterable<ArchiveAmongSeveral>,
  onFailure: (tenantId: string, error: unknown) => void,
): AsyncGenerator<Buffer, void, undefined> {
  const frames = new Frames();
  for (const { tenantId, open } of archives) {
    yield* frames.mark(letters.begin, Buffer.from(tenantId));
    try {
      for await (const bytes of await open()) yield* frames.data(bytes);
    } catch (error) {
      onFailure(tenantId, error);
      yield* frames.mark(letters.failed);
      continue;
    }
    yield* frames.mark(letters.whole);
  }
  yield* frames.rest();
}

/** Reads what `writeSeveral` wrote, no more than it has to of its memory. Throws archive_damaged where it did not. */
export async function* readSeveral(source: AsyncIterable<Uint8Array>): AsyncGenerator<SeveralEvent, void, undefined> {
  /** Of a frame that is not data: its head, then its content, as far as they have come. */
  const held = Buffer.alloc(headBytes + longestName);
  let heldBytes = 0;
  /** Bytes of a data frame that are still to come. */
  let owed = 0;
  for await (const chunk of source) {
    for (let at = 0; at < chunk.length; ) {
      if (owed > 0) {
        const bytes = Buffer.from(chunk.buffer, chunk.byteOffset + at, Math.min(owed, chunk.length - at));
        owed -= bytes.length;
        at += bytes.length;
        yield { kind: "data", bytes };
        continue;
      }
      const wanted = heldBytes < headBytes ? headBytes : headBytes + held.readUInt32BE(1);
      const some = chunk.subarray(at, at + wanted - heldBytes);
      held.set(some, heldBytes);
      heldBytes += some.length;
      at += some.length;
      if (heldBytes < headBytes) continue;
      const length = held.readUInt32BE(1);
      if (held[0] === letters.data) {
        owed = length;
        heldBytes = 0;
        continue;
      }
      if (length > longestName) throw damaged("a stream of several archives: no frame");
      if (heldBytes < headBytes + length) continue;
      heldBytes = 0;
      yield marked(held[0], held.toString("utf8", headBytes, headBytes + length));
    }
  }
  if (heldBytes > 0 || owed > 0) throw damaged("a stream of several archives ends in the middle of a frame");
}

function marked(letter: number | undefined, content: string): SeveralEvent {
  if (letter === letters.begin) return { kind: "begin", tenantId: content };
  if (letter === letters.whole || letter === letters.failed) return { kind: "end", whole: letter === letters.whole };
  throw damaged("a stream of several archives: an unknown frame");
}

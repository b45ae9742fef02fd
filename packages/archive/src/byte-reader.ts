import { Scratch } from "./scratch.ts";

export interface ByteReader {
  /** The next `count` bytes, in `scratch` if one is given; fewer only where the stream ends. */
  read(count: number, scratch?: Scratch): Promise<Buffer>;
  /** Lets go of the stream, wherever it is. */
  close(): Promise<void>;
}

/** Reads a stream of chunks by number of bytes. */
export function byteReader(source: AsyncIterable<Uint8Array>): ByteReader {
  const iterator = source[Symbol.asyncIterator]();
  let chunk: Uint8Array = Buffer.alloc(0);
  let ended = false;

  async function fill(): Promise<void> {
    while (chunk.length === 0 && !ended) {
      const next = await iterator.next();
      if (next.done === true) ended = true;
      else chunk = next.value;
    }
  }

  return {
    async read(count, scratch = new Scratch()) {
      scratch.drop(scratch.length);
      while (scratch.length < count) {
        await fill();
        if (chunk.length === 0) break;
        const taken = chunk.subarray(0, count - scratch.length);
        scratch.append(taken);
        chunk = chunk.subarray(taken.length);
      }
      return scratch.content();
    },
    async close() {
      if (!ended) await iterator.return?.();
    },
  };
}

export interface ByteReader {
  /** The next `count` bytes; fewer only where the stream ends. */
  read(count: number): Promise<Buffer>;
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
    async read(count) {
      const bytes = Buffer.allocUnsafe(count);
      let filled = 0;
      while (filled < count) {
        await fill();
        if (chunk.length === 0) break;
        const taken = chunk.subarray(0, count - filled);
        bytes.set(taken, filled);
        filled += taken.length;
        chunk = chunk.subarray(taken.length);
      }
      return bytes.subarray(0, filled);
    },
    async close() {
      if (!ended) await iterator.return?.();
    },
  };
}

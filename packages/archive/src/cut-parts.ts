import { maxPartBytes } from "./limits.ts";

const newline = 0x0a;

/** A buffer that grows up to a part's size and is used again for the part after next. */
class PartBuffer {
  private bytes = Buffer.allocUnsafe(0);
  private used = 0;

  get length(): number {
    return this.used;
  }

  content(end = this.used): Buffer {
    return this.bytes.subarray(0, end);
  }

  /** Takes as much of `chunk` as fits into `limit` bytes in all; answers how much that was. */
  append(chunk: Uint8Array, limit: number): number {
    const taken = Math.min(chunk.length, limit - this.used);
    const needed = this.used + taken;
    if (needed > this.bytes.length) {
      const larger = Buffer.allocUnsafeSlow(Math.min(limit, Math.max(needed, 2 * this.bytes.length, 64 * 1024)));
      this.bytes.copy(larger, 0, 0, this.used);
      this.bytes = larger;
    }
    this.bytes.set(chunk.subarray(0, taken), this.used);
    this.used = needed;
    return taken;
  }

  clear(): void {
    this.used = 0;
  }
}

export type PartCutter = (copy: AsyncIterable<Uint8Array>) => AsyncGenerator<Buffer, void, undefined>;

/**
 * A function that cuts COPY streams into parts of at most `partBytes`, each at the last row end that fits; a row longer than
 * that fills parts of its own. Where it cuts depends on the bytes alone, not on how they arrive. A part given out stays as it is
 * until the one after the next is asked for: two buffers serve a whole archive, one stream at a time.
 */
export function createPartCutter(partBytes = maxPartBytes): PartCutter {
  let filling = new PartBuffer();
  let other = new PartBuffer();
  return async function* cutParts(copy) {
    filling.clear();
    for await (const chunk of copy) {
      for (let taken = 0; taken < chunk.length; ) {
        if (filling.length === partBytes) {
          const full = filling;
          const end = full.content().lastIndexOf(newline) + 1 || partBytes;
          [filling, other] = [other, full];
          yield full.content(end);
          // Only now: until it was asked for more, the part before could still be read from this buffer.
          filling.clear();
          filling.append(full.content().subarray(end), partBytes);
        }
        taken += filling.append(chunk.subarray(taken), partBytes);
      }
    }
    if (filling.length > 0) {
      const last = filling;
      [filling, other] = [other, last];
      yield last.content();
    }
  };
}

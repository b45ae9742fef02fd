/** Memory that grows as needed and is used again: what it held is gone once it is filled anew. */
export class Scratch {
  private bytes: Buffer;
  private used = 0;

  /** `reserved`: how much it will hold. What is not written to takes no memory; growing would, for a while, take more. */
  constructor(reserved = 0) {
    this.bytes = Buffer.allocUnsafeSlow(reserved);
  }

  /** How much it can hold without growing. */
  get capacity(): number {
    return this.bytes.length;
  }

  get length(): number {
    return this.used;
  }

  /** What it holds, up to `end`; valid until it changes. */
  content(end = this.used): Buffer {
    return this.bytes.subarray(0, end);
  }

  append(chunk: Uint8Array): void {
    const needed = this.used + chunk.length;
    if (needed > this.bytes.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.bytes.length, 64 * 1024));
      this.bytes.copy(larger, 0, 0, this.used);
      this.bytes = larger;
    }
    this.bytes.set(chunk, this.used);
    this.used = needed;
  }

  /** Drops the first `count` bytes. */
  drop(count: number): void {
    this.bytes.copyWithin(0, count, this.used);
    this.used -= count;
  }
}

const idle: Scratch[] = [];
const mostIdle = 16;
/** Twice what a small archive needs, in bytes; more is rare. */
const mostKept = 512 * 1024;

/** Empty, and maybe used before: V8 collects the sooner for memory that is made for each archive. */
export const borrowScratch = (): Scratch => idle.pop() ?? new Scratch();

/** For somebody else to use; nobody reads in it any more. */
export const returnScratch = (scratch: Scratch): void => {
  scratch.drop(scratch.length);
  if (idle.length < mostIdle && scratch.capacity <= mostKept) idle.push(scratch);
};

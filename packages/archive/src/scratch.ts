/** Memory that grows as needed and is used again: what it held is gone once it is filled anew. */
export class Scratch {
  private bytes: Buffer;
  private used = 0;

  /** `reserved`: how much it will hold. What is not written to takes no memory; growing would, for a while, take more. */
  constructor(reserved = 0) {
    this.bytes = Buffer.allocUnsafeSlow(reserved);
  }

  get length(): number {
    return this.used;
  }

  /** How much it can hold without growing. */
  get capacity(): number {
    return this.bytes.length;
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

const smallest = 16 * 1024;

/** Takes bytes in while those that came before are still being read: two pieces of memory in turn, used again and again. */
export class Incoming {
  #filling = Buffer.alloc(0);
  #reading = Buffer.alloc(0);
  #filled = 0;

  get length(): number {
    return this.#filled;
  }

  add(bytes: Uint8Array): void {
    const needed = this.#filled + bytes.length;
    if (needed > this.#filling.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.#filling.length, smallest));
      this.#filling.copy(larger, 0, 0, this.#filled);
      this.#filling = larger;
    }
    this.#filling.set(bytes, this.#filled);
    this.#filled = needed;
  }

  /** All that came, and may be written over once more is taken. */
  take(): Buffer {
    const taken = this.#filling.subarray(0, this.#filled);
    [this.#filling, this.#reading] = [this.#reading, this.#filling];
    this.#filled = 0;
    return taken;
  }
}

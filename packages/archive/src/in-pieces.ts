/** Bytes in a piece. */
export const pieceBytes = 64 * 1024;

/**
 * Gathers what is small: each piece that is sent costs its receiver a wake-up, which is dear beside the bytes of a header. Takes
 * what it is given before it asks for more, and gives memory that nobody writes to again.
 */
export async function* inPieces(source: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer, void, undefined> {
  let piece = Buffer.allocUnsafeSlow(pieceBytes);
  let filled = 0;
  for await (const bytes of source) {
    for (let taken = 0; taken < bytes.length; ) {
      const some = bytes.subarray(taken, taken + pieceBytes - filled);
      piece.set(some, filled);
      filled += some.length;
      taken += some.length;
      if (filled === pieceBytes) {
        yield piece;
        piece = Buffer.allocUnsafeSlow(pieceBytes);
        filled = 0;
      }
    }
  }
  if (filled > 0) yield piece.subarray(0, filled);
}

import { constants } from "node:buffer";
import { ArchiveError, beyondLimit } from "./archive-error.ts";

const newline = 0x0a;

/** A row that could not become one string any more, in bytes. PostgreSQL's own limit for a row it sends is 1 GiB. */
export const maxRowBytes = constants.MAX_STRING_LENGTH;

/**
 * Rows of COPY text without their line ends, as many at a time as a chunk completes. Rows may share memory with their chunk; one
 * that spans chunks is copied. A stream that ends within a row gives `row_invalid`; a row over `limit` bytes `limit_exceeded`.
 */
export async function* splitRows(
  copy: AsyncIterable<Uint8Array>,
  limit = maxRowBytes,
): AsyncGenerator<Buffer[], void, undefined> {
  let begun: Buffer[] = [];
  let begunBytes = 0;
  for await (const bytes of copy) {
    const chunk = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const rows: Buffer[] = [];
    let start = 0;
    for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, start)) {
      const row = chunk.subarray(start, end);
      if (begunBytes + row.length > limit) throw tooLong(limit);
      rows.push(begun.length === 0 ? row : Buffer.concat([...begun, row]));
      begun = [];
      begunBytes = 0;
      start = end + 1;
    }
    if (start < chunk.length) {
      // A copy: the giver may use its chunk again.
      begun.push(Buffer.from(chunk.subarray(start)));
      begunBytes += chunk.length - start;
      if (begunBytes > limit) throw tooLong(limit);
    }
    if (rows.length > 0) yield rows;
  }
  if (begun.length > 0) {
    throw new ArchiveError(
      "row_invalid",
      "the COPY text ends in the middle of a row",
      "It was cut on the way here; read it again.",
    );
  }
}

const tooLong = (limit: number): ArchiveError => beyondLimit(`a row has more than ${limit} bytes`);

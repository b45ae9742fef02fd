import { createHash } from "node:crypto";
import { setImmediate } from "node:timers/promises";

const newline = 0x0a;
/** Hashed in one go, in bytes: under a millisecond. */
const sliceBytes = 1024 * 1024;

export interface Measure {
  bytes: number;
  sha256: string;
  /** Line ends: in COPY text, each of them ends a row, since those in values are escaped. */
  rows: number;
}

/** Counts and hashes COPY text piece by piece. */
export function createMeasure(): { update(piece: Uint8Array): void; result(): Measure } {
  const hash = createHash("sha256");
  let bytes = 0;
  let rows = 0;
  return {
    update(piece) {
      hash.update(piece);
      bytes += piece.length;
      for (let at = piece.indexOf(newline); at !== -1; at = piece.indexOf(newline, at + 1)) rows += 1;
    },
    result: () => ({ bytes, rows, sha256: hash.digest("hex") }),
  };
}

export const emptySha256 = createHash("sha256").digest("hex");

/** SHA-256 in hex, with room for other work in between, so that a server goes on answering. */
export async function sha256Of(bytes: Uint8Array): Promise<string> {
  const hash = createHash("sha256");
  for (let start = 0; start < bytes.length; start += sliceBytes) {
    if (start > 0) await setImmediate();
    hash.update(bytes.subarray(start, start + sliceBytes));
  }
  return hash.digest("hex");
}

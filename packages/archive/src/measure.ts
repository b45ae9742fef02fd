import { createHash, hash } from "node:crypto";
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

const countRows = (text: Uint8Array): number => {
  let rows = 0;
  for (let at = text.indexOf(newline); at !== -1; at = text.indexOf(newline, at + 1)) rows += 1;
  return rows;
};

/** Counts and hashes COPY text that is there as a whole. */
export const measureOf = (text: Uint8Array): Measure => ({
  bytes: text.length,
  rows: countRows(text),
  sha256: sha256AtOnce(text),
});

/** Counts and hashes COPY text piece by piece. */
export function createMeasure(): { update(piece: Uint8Array): void; result(): Measure } {
  const hash = createHash("sha256");
  let bytes = 0;
  let rows = 0;
  return {
    update(piece) {
      hash.update(piece);
      bytes += piece.length;
      rows += countRows(piece);
    },
    result: () => ({ bytes, rows, sha256: hash.digest("hex") }),
  };
}

/** SHA-256 in hex of what is there as a whole and little: several times as fast as an object for each. */
export const sha256AtOnce = (bytes: Uint8Array): string => hash("sha256", bytes);

export const emptySha256 = sha256AtOnce(new Uint8Array(0));

/** SHA-256 in hex, with room for other work in between, so that a server goes on answering. */
export async function sha256Of(bytes: Uint8Array): Promise<string> {
  const hash = createHash("sha256");
  for (let start = 0; start < bytes.length; start += sliceBytes) {
    if (start > 0) await setImmediate();
    hash.update(bytes.subarray(start, start + sliceBytes));
  }
  return hash.digest("hex");
}

import { createHash } from "node:crypto";
import { setImmediate } from "node:timers/promises";

const sliceBytes = 1024 * 1024;
const newline = 0x0a;

export interface Measure {
  sha256: string;
  /** Line ends: in COPY text, each of them ends a row, since those in values are escaped. */
  rows: number;
}

/** SHA-256 and rows of COPY text, in slices, so that a server goes on answering meanwhile. */
export async function measure(bytes: Uint8Array): Promise<Measure> {
  const hash = createHash("sha256");
  let rows = 0;
  for (let start = 0; start < bytes.length; start += sliceBytes) {
    if (start > 0) await setImmediate();
    const slice = bytes.subarray(start, start + sliceBytes);
    hash.update(slice);
    for (let at = slice.indexOf(newline); at !== -1; at = slice.indexOf(newline, at + 1)) rows += 1;
  }
  return { sha256: hash.digest("hex"), rows };
}

/** SHA-256 in hex, in slices like `measure`. */
export async function sha256Of(bytes: Uint8Array): Promise<string> {
  const hash = createHash("sha256");
  for (let start = 0; start < bytes.length; start += sliceBytes) {
    if (start > 0) await setImmediate();
    hash.update(bytes.subarray(start, start + sliceBytes));
  }
  return hash.digest("hex");
}

import { writeSync } from "node:fs";

const attempts = 100;
const stdout = 1;

const codeOf = (error: unknown): unknown => (error instanceof Error && "code" in error ? error.code : undefined);

const writeAtOnce = (text: string): void => {
  let left = Buffer.from(text);
  for (let attempt = 0; left.length > 0 && attempt < attempts; attempt += 1) {
    try {
      left = left.subarray(writeSync(stdout, left));
    } catch (error) {
      // A pipe whose reader is slow: try again, but do not wait for it for ever.
      if (codeOf(error) !== "EAGAIN") return;
    }
  }
};

/** Lines of one turn of the event loop; written early where they are many. */
const mostWaiting = 32 * 1024;
let waiting = "";

const flush = (): void => {
  const text = waiting;
  waiting = "";
  if (text !== "") writeAtOnce(text);
};
process.on("exit", flush);

/**
 * Where the log goes: standard output, the lines of one turn of the event loop in one write. What cannot be written (a full
 * disk, a reader that has left) is dropped, since a service that dies of its own log helps nobody; it is written again as
 * soon as that is possible.
 */
export const logStream = {
  write: (line: string): void => {
    if (waiting === "") setImmediate(flush);
    waiting += line;
    if (waiting.length > mostWaiting) flush();
  },
};

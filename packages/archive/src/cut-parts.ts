import { maxPartBytes } from "./limits.ts";
import { borrowScratch, returnScratch } from "./scratch.ts";

const newline = 0x0a;
/** Rows are handed on in pieces of about this many bytes: worth a step of the compressor, and little to keep. */
const pieceBytes = 256 * 1024;

export interface Piece {
  /** Valid until the next piece is asked for. */
  bytes: Buffer;
  /** The last of its part. */
  endsPart: boolean;
  /** All that the stream holds. */
  isAll: boolean;
}

export type PartCutter = (copy: AsyncIterable<Uint8Array>) => AsyncGenerator<Piece, void, undefined>;

/**
 * A function that cuts COPY streams into parts of at most `partBytes`, each at the last row end that fits; a row longer than
 * that fills parts of its own, and only such a row is held in memory, up to a part of it. Where it cuts depends on the bytes
 * alone, not on how they arrive.
 */
export function createPartCutter(partBytes = maxPartBytes): PartCutter {
  return async function* cutParts(copy) {
    const held = borrowScratch();
    /** Bytes of this part already handed on, all of them whole rows or the end of one. */
    let given = 0;
    /** Where the last row in `held` ends. */
    let rowEnd = 0;
    let isFirst = true;

    function* handOn(end: number, endsPart: boolean, endsCopy = false): Generator<Piece, void, undefined> {
      yield { bytes: held.content(end), endsPart, isAll: isFirst && endsCopy };
      isFirst = false;
      held.drop(end);
      given = endsPart ? 0 : given + end;
      rowEnd = 0;
    }

    try {
      for await (const chunk of copy) {
        for (let taken = 0; taken < chunk.length; ) {
          if (given + held.length === partBytes) yield* handOn(rowEnd > 0 || given > 0 ? rowEnd : partBytes, true);
          const fitting = chunk.subarray(taken, taken + partBytes - given - held.length);
          const lastNewline = fitting.lastIndexOf(newline);
          if (lastNewline !== -1) rowEnd = held.length + lastNewline + 1;
          held.append(fitting);
          taken += fitting.length;
          if (rowEnd >= pieceBytes && given + held.length < partBytes) yield* handOn(rowEnd, false);
        }
      }
      if (given + held.length > 0) yield* handOn(held.length, true, true);
    } finally {
      returnScratch(held);
    }
  };
}

import { damaged } from "./archive-error.ts";
import { byteReader } from "./byte-reader.ts";
import { inPieces } from "./in-pieces.ts";

/** Of one archive among several in a stream. */
export interface ArchiveAmongSeveral {
  readonly tenantId: string;
  /** Its bytes; a failure says that this archive will not come, and nothing about the next. */
  readonly open: () => Promise<AsyncIterable<Uint8Array>>;
}

/** What a stream of several archives says, in order. */
export type SeveralEvent =
  | { readonly kind: "begin"; readonly tenantId: string }
  | { readonly kind: "data"; readonly bytes: Buffer }
  /** The archive is over: all of it was sent, or its reading failed on the other side. */
  | { readonly kind: "end"; readonly whole: boolean };

/** Each frame: one of these letters, the length of its content in four bytes (big-endian), the content. */
const letters = { begin: 0x54, data: 0x44, whole: 0x45, failed: 0x46 } as const;
const headBytes = 5;
const longestFrame = 1024 * 1024;

const frame = (letter: number, content: Uint8Array): Uint8Array[] => {
  const head = Buffer.alloc(headBytes);
  head[0] = letter;
  head.writeUInt32BE(content.length, 1);
  return content.length === 0 ? [head] : [head, content];
};
const nothing = new Uint8Array(0);

/** Several archives one after the other. One that fails is marked as failed, `onFailure` is told why, and the next follows. */
export function writeSeveral(
  archives: Iterable<ArchiveAmongSeveral>,
  onFailure: (tenantId: string, error: unknown) => void,
): AsyncGenerator<Buffer, void, undefined> {
  async function* frames(): AsyncGenerator<Uint8Array, void, undefined> {
    for (const { tenantId, open } of archives) {
      yield* frame(letters.begin, Buffer.from(tenantId));
      try {
        for await (const bytes of await open()) yield* frame(letters.data, bytes);
      } catch (error) {
        onFailure(tenantId, error);
        yield* frame(letters.failed, nothing);
        continue;
      }
      yield* frame(letters.whole, nothing);
    }
  }
  return inPieces(frames());
}

/** Reads what `writeSeveral` wrote. Throws archive_damaged where it did not. */
export async function* readSeveral(source: AsyncIterable<Uint8Array>): AsyncGenerator<SeveralEvent, void, undefined> {
  const reader = byteReader(source);
  try {
    for (;;) {
      const head = await reader.read(headBytes);
      if (head.length === 0) return;
      const length = head.length === headBytes ? head.readUInt32BE(1) : 0;
      if (head.length < headBytes || length > longestFrame) throw damaged("a stream of several archives: no frame");
      const content = await reader.read(length);
      if (content.length < length) throw damaged("a stream of several archives ends in the middle of a frame");
      if (head[0] === letters.begin) yield { kind: "begin", tenantId: content.toString() };
      else if (head[0] === letters.data) yield { kind: "data", bytes: content };
      else if (head[0] === letters.whole || head[0] === letters.failed)
        yield { kind: "end", whole: head[0] === letters.whole };
      else throw damaged("a stream of several archives: an unknown frame");
    }
  } finally {
    await reader.close();
  }
}

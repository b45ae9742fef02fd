import { createHash } from "node:crypto";
import { constants, createGunzip, createGzip, type Gzip, gzipSync, type ZlibReset } from "node:zlib";
import { ArchiveError, beyondLimit, damaged } from "./archive-error.ts";
import { maxPartBytes } from "./limits.ts";
import { createMeasure, type Measure, measureOf, sha256AtOnce } from "./measure.ts";
import type { Scratch } from "./scratch.ts";

const newline = 0x0a;

/** Small pieces rather than a whole part: memory freed late is then little, and no piece keeps the event loop long. */
const chunkSize = 64 * 1024;

export interface CompressedPart extends Measure {
  /** What is stored, in pieces; valid until the next part is begun. */
  stored: readonly Buffer[];
  storedBytes: number;
  storedSha256: string;
}

export interface PartCompressor {
  /** Resolves when `bytes` may be used for something else. */
  write(bytes: Buffer): Promise<void>;
  finish(): Promise<CompressedPart>;
  /** Gives up; also right after `finish`. */
  close(): void;
}

/**
 * A window of 8 KiB instead of 32: memory this small stays in the processor's own cache, so that rows take two thirds of the
 * time. Short ones come out no longer, for what repeats in them is near; long ones would.
 */
const shortRowsWindow = 13;
const longRowsWindow = 15;
/** Short means: on average so many bytes at most, in the first bytes of a part. */
const shortRowBytes = 2 * 1024;
const firstBytes = 16 * 1024;

const windowFor = (part: Buffer): number => {
  const first = part.subarray(0, firstBytes);
  let rows = 0;
  for (let at = first.indexOf(newline); at !== -1; at = first.indexOf(newline, at + 1)) rows += 1;
  return rows * shortRowBytes >= first.length ? shortRowsWindow : longRowsWindow;
};

/** Up to so many bytes are compressed where they are, with memory to match: waking another thread up takes longer. */
const smallBytes = 16 * 1024;
/** Of what is so small that making the compressor's memory takes longer than compressing, in bytes. */
const tinyBytes = 512;
const tinyMemory = { windowBits: 9, memLevel: 1 };
const smallMemory = { windowBits: 14, memLevel: 5 };
/** More than gzip makes of them in any case, in bytes: memory beyond that would only be there to be collected. */
const smallMargin = 128;

/** Compressors to be used again, by level and window: making one takes a quarter megabyte each time, which costs more than small parts do. */
const idle = new Map<string, (Gzip & ZlibReset)[]>();
const mostIdle = 8;
/** They give all of a part at once as a rule: for each piece more another thread is woken up. */
const wholeChunkSize = 256 * 1024;

/** Each write is a whole gzip member. Like every stream of zlib it can be reset; only its type does not say so. */
const newCompressor = (level: number, windowBits: number): Gzip & ZlibReset =>
  createGzip({ level, windowBits, chunkSize: wholeChunkSize, flush: constants.Z_FINISH }) as Gzip & ZlibReset;

function compressAtOnce(bytes: Buffer, level: number): Promise<Buffer[]> {
  const windowBits = windowFor(bytes);
  const kind = `${level} ${windowBits}`;
  const stream = idle.get(kind)?.pop() ?? newCompressor(level, windowBits);
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = [];
    stream.on("data", (piece: Buffer) => pieces.push(piece));
    stream.once("error", reject);
    stream.write(bytes, (error) => {
      stream.removeAllListeners("data");
      stream.removeAllListeners("error");
      if (error != null) return;
      stream.reset();
      const others = idle.get(kind) ?? [];
      idle.set(kind, others);
      if (others.length < mostIdle) others.push(stream);
      else stream.destroy();
      resolve(pieces);
    });
  });
}

const compressSmall = (bytes: Buffer, level: number): Buffer => {
  const memory = bytes.length <= tinyBytes ? tinyMemory : smallMemory;
  return gzipSync(bytes, { level, chunkSize: bytes.length + smallMargin, ...memory });
};

/** Compresses a part that is there as a whole: one step of another thread, or none. */
export async function compressWhole(bytes: Buffer, level: number): Promise<CompressedPart> {
  const raw = measureOf(bytes);
  const stored = bytes.length <= smallBytes ? [compressSmall(bytes, level)] : await compressAtOnce(bytes, level);
  const [only, ...more] = stored;
  if (only !== undefined && more.length === 0)
    return { ...raw, stored, storedBytes: only.length, storedSha256: sha256AtOnce(only) };
  const hash = createHash("sha256");
  let storedBytes = 0;
  for (const piece of stored) {
    hash.update(piece);
    storedBytes += piece.length;
  }
  return { ...raw, stored, storedBytes, storedSha256: hash.digest("hex") };
}

/** Compresses one part as it comes (`first` comes first), into memory used for each part anew: freed memory of that size would stay about for long. */
export function compressPart(level: number, memory: Scratch, first: Buffer): PartCompressor {
  memory.drop(memory.length);
  const raw = createMeasure();
  const hash = createHash("sha256");
  const stream = createGzip({ level, windowBits: windowFor(first), chunkSize });
  stream.on("data", (chunk: Buffer) => {
    hash.update(chunk);
    memory.append(chunk);
  });
  const ended = new Promise<void>((resolve, reject) => stream.once("end", resolve).once("error", reject));
  ended.catch(() => undefined); // reported by write or finish
  return {
    write(bytes) {
      raw.update(bytes);
      return new Promise((resolve, reject) => {
        stream.write(bytes, (error) => (error == null ? resolve() : reject(error)));
      });
    },
    async finish() {
      stream.end();
      await ended;
      const stored = memory.content();
      return { ...raw.result(), stored: [stored], storedBytes: stored.length, storedSha256: hash.digest("hex") };
    },
    close: () => {
      stream.destroy();
    },
  };
}

/** The COPY text of a part, piece by piece. One that unpacks to more than a part may hold is stopped (`limit_exceeded`). */
export async function* unpackPart(name: string, stored: Buffer): AsyncGenerator<Buffer, void, undefined> {
  const stream = createGunzip({ chunkSize });
  stream.end(stored);
  let bytes = 0;
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > maxPartBytes) throw beyondLimit(`${name}: unpacks to more than ${maxPartBytes} bytes`);
      yield chunk;
    }
  } catch (cause) {
    if (cause instanceof ArchiveError) throw cause;
    throw damaged(`${name}: damaged, gzip cannot read it`, { cause });
  }
}

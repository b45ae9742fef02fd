import { type FileHandle, open } from "node:fs/promises";
import { decryptIfEncrypted, isEncrypted } from "./age.ts";
import { ArchiveError, damaged } from "./archive-error.ts";
import { byteReader } from "./byte-reader.ts";
import { unpackPart } from "./gzip-part.ts";
import type { Manifest, ManifestTable } from "./manifest.ts";
import { sha256Of } from "./measure.ts";
import { type ArchiveFile, readFiles } from "./read-files.ts";
import { type KeyOptions, verifyArchive } from "./verify-archive.ts";

/** One table's COPY text, in pieces that know nothing of rows: `splitRows` finds those. */
export type CopyText = AsyncIterable<Buffer>;

/** An archive that has been verified from its first to its last byte. */
export interface OpenArchive {
  readonly manifest: Manifest;
  /** The text of each DDL file, by its name in the manifest. */
  readonly ddl: ReadonlyMap<string, string>;
  /** One table's rows; `table_unknown` if the archive has none of that name. An encrypted file is decrypted from its start. */
  table(name: string): CopyText;
  /** All tables in their order, in one pass: the way to read all of an encrypted file. What is not read of one is passed over. */
  tables(): AsyncIterable<{ table: ManifestTable; copy: CopyText }>;
  close(): Promise<void>;
}

const readBytes = 1024 * 1024;

/**
 * Opens a file for restoring: reads all of it once and answers only if it is whole, so that nothing is written from an archive
 * that turns out damaged later. What is then read is checked again against the verified manifest.
 */
export async function openArchive(path: string, options: KeyOptions = {}): Promise<OpenArchive> {
  const file = await open(path, "r");
  try {
    const head = await byteReader(bytesFrom(file, 0)).read(64);
    const { manifest, ddl, offsets } = await verifyArchive(bytesFrom(file, 0), options);
    const encrypted = isEncrypted(head);

    function filesFrom(name: string): AsyncGenerator<ArchiveFile, void, undefined> {
      const offset = offsets.get(name) ?? 0;
      return readFiles(
        encrypted ? after(offset, decryptIfEncrypted(bytesFrom(file, 0), options.identities)) : bytesFrom(file, offset),
      );
    }

    return {
      manifest,
      ddl,
      table(name) {
        const table = manifest.tables.find((each) => each.name === name);
        if (table === undefined) throw tableUnknown(name, manifest);
        const [first] = table.parts;
        return first === undefined ? nothing() : copyText(table, filesFrom(first.file));
      },
      async *tables() {
        const [first] = manifest.tables;
        if (first === undefined) return;
        const files = filesFrom(first.ddl[0].file);
        const rest = { [Symbol.asyncIterator]: () => ({ next: () => files.next() }) };
        try {
          for (const table of manifest.tables) {
            yield { table, copy: copyText(table, rest) };
          }
        } finally {
          await files.return();
        }
      },
      close: () => file.close(),
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** The table's parts, as they come among `files`, checked and unpacked; other files are passed over. */
async function* copyText(
  table: ManifestTable,
  files: AsyncIterable<ArchiveFile>,
): AsyncGenerator<Buffer, void, undefined> {
  const iterator = files[Symbol.asyncIterator]();
  try {
    for (const part of table.parts) {
      let next = await iterator.next();
      while (next.done !== true && next.value.name !== part.file) next = await iterator.next();
      if (next.done === true || (await sha256Of(next.value.content)) !== part.storedSha256) throw changed(part.file);
      yield* unpackPart(part.file, next.value.content);
    }
  } finally {
    await iterator.return?.();
  }
}

async function* nothing(): AsyncGenerator<Buffer, void, undefined> {}

async function* bytesFrom(file: FileHandle, start: number): AsyncGenerator<Buffer, void, undefined> {
  for (let position = start; ; ) {
    const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(readBytes), 0, readBytes, position);
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
    position += bytesRead;
  }
}

async function* after(offset: number, source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  let before = offset;
  for await (const chunk of source) {
    if (chunk.length > before) yield chunk.subarray(before);
    before = Math.max(0, before - chunk.length);
  }
}

const changed = (name: string): ArchiveError => damaged(`${name}: the file was changed after it had been verified`);

const tableUnknown = (name: string, manifest: Manifest): ArchiveError =>
  new ArchiveError(
    "table_unknown",
    `the archive has no table ${name}`,
    `It has ${manifest.tables.map((table) => table.name).join(", ") || "no tables"}.`,
  );

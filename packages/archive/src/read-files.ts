import { ArchiveError, beyondLimit, cut, damaged } from "./archive-error.ts";
import { byteReader } from "./byte-reader.ts";
import { type FileKind, kindOf, openingFile } from "./file-names.ts";
import { maxFileBytes, maxFiles } from "./limits.ts";
import { Scratch } from "./scratch.ts";
import {
  blockBytes,
  decodeTarHeader,
  paddingAfter,
  type TarHeader,
  tarPadding,
  trailer,
  trailerBytes,
} from "./tar-header.ts";

export interface ArchiveFile {
  name: string;
  kind: FileKind;
  /** Where its tar header begins, in bytes from where reading began. */
  offset: number;
  /** Valid until the file after the next is asked for. */
  content: Buffer;
}

/**
 * The files of a tar stream in order, up to its end, which must be where the stream ends. Every byte counts: headers and padding
 * that no archive has are refused, as are unknown names and sizes beyond the limits, before their content is read.
 */
export async function* readFiles(source: AsyncIterable<Uint8Array>): AsyncGenerator<ArchiveFile, void, undefined> {
  const reader = byteReader(source);
  const small = new Scratch();
  let [current, other] = [new Scratch(), new Scratch()];
  let previous: ArchiveFile | undefined;
  let offset = 0;
  try {
    for (let files = 0; ; files += 1) {
      const block = await reader.read(blockBytes, small);
      const header = decodeTarHeader(block);
      if (header === undefined) {
        if (previous !== undefined && block.every((byte) => byte === 0)) {
          return await readTrailer(block, reader.read, previous.name);
        }
        throw headerFault(block, previous?.name);
      }
      const kind = checkHeader(header, files);
      const content = await reader.read(header.size, current);
      const padding = await reader.read(paddingAfter(header.size), small);
      if (content.length < header.size || padding.length < paddingAfter(header.size)) {
        throw cut(`the archive ends in the middle of ${header.name}`);
      }
      if (padding.some((byte) => byte !== 0)) throw paddingFault(header.name);
      previous = { name: header.name, kind, offset, content };
      offset += blockBytes + content.length + padding.length;
      [current, other] = [other, current];
      yield previous;
    }
  } finally {
    await reader.close();
  }
}

/** The same of an archive that is in memory as a whole. */
export function* filesIn(archive: Buffer): Generator<ArchiveFile, void, undefined> {
  let previous: ArchiveFile | undefined;
  let offset = 0;
  for (let files = 0; ; files += 1) {
    const block = archive.subarray(offset, offset + blockBytes);
    const header = decodeTarHeader(block);
    if (header === undefined) {
      if (previous === undefined || block.length === 0 || block.some((byte) => byte !== 0))
        throw headerFault(block, previous?.name);
      checkTrailer(archive.subarray(offset), previous.name);
      return;
    }
    const kind = checkHeader(header, files);
    const start = offset + blockBytes;
    const end = start + header.size;
    const next = end + paddingAfter(header.size);
    if (archive.length < next) throw cut(`the archive ends in the middle of ${header.name}`);
    if (!archive.subarray(end, next).equals(tarPadding(header.size))) throw paddingFault(header.name);
    previous = { name: header.name, kind, offset, content: archive.subarray(start, end) };
    offset = next;
    yield previous;
  }
}

const paddingFault = (name: string): ArchiveError => damaged(`${name}: the padding behind it is damaged`);

/** `rest`: from the first of its empty blocks on, as much of it as there is. */
function checkTrailer(rest: Buffer, last: string): void {
  if (rest.length < trailerBytes) throw cut(`the archive ends after ${last}, before its last block`);
  if (!rest.subarray(0, trailerBytes).equals(trailer)) throw damaged("the archive's last block is damaged");
  if (rest.length > trailerBytes) throw damaged("there are bytes behind the archive's end");
}

function checkHeader({ name, size }: TarHeader, files: number): FileKind {
  const kind = kindOf(name);
  if (kind === undefined) {
    throw new ArchiveError(
      "unsafe_name",
      `${JSON.stringify(name)} is not a name an archive holds`,
      "Do not unpack this file: it was not written by tenantctl, or it was changed.",
    );
  }
  if (size > maxFileBytes[kind]) throw beyondLimit(`${name}: ${size} bytes, where ${maxFileBytes[kind]} are allowed`);
  if (files === maxFiles) throw beyondLimit(`more than ${maxFiles} files`);
  return kind;
}

function headerFault(block: Buffer, previous: string | undefined): ArchiveError {
  if (previous !== undefined) {
    return block.length < blockBytes
      ? cut(`the archive ends after ${previous}`)
      : damaged(`the tar header after ${previous} is damaged`);
  }
  const begun = openingFile.startsWith(block.toString("latin1", 0, openingFile.length));
  if (begun && block.length < blockBytes) return cut("the archive ends in its first header");
  return new ArchiveError(
    "not_an_archive",
    "this is neither a tenant archive nor an age file",
    "Name a file that tenantctl backup wrote.",
  );
}

async function readTrailer(first: Buffer, read: (bytes: number) => Promise<Buffer>, last: string): Promise<void> {
  checkTrailer(Buffer.concat([first, await read(trailerBytes - blockBytes + 1)]), last);
}

import { decryptIfEncrypted } from "./age.ts";
import { ArchiveError, beyondLimit, damaged } from "./archive-error.ts";
import { compare, type SeenFile } from "./compare.ts";
import { manifestFile, openingFile } from "./file-names.ts";
import { unpackPart } from "./gzip-part.ts";
import { maxDdlBytes } from "./limits.ts";
import type { Manifest } from "./manifest.ts";
import { decodeManifest } from "./manifest-text.ts";
import { mapAhead } from "./map-ahead.ts";
import { createMeasure, sha256AtOnce, sha256Of } from "./measure.ts";
import { checkOpening } from "./opening.ts";
import { type ArchiveFile, filesIn, readFiles } from "./read-files.ts";

export interface KeyOptions {
  /** age identities, one of which opens the archive if it is encrypted. */
  identities?: readonly string[];
}

export interface VerifyOptions extends KeyOptions {
  /**
   * False leaves the parts packed. All stored bytes are still held against the manifest, which is enough for an archive on its way
   * from its writer, at three quarters of the work; what it cannot find is a part that was written wrong.
   */
  unpack?: boolean;
}

export interface VerifiedArchive {
  manifest: Manifest;
  /** The text of each DDL file, by its name. */
  ddl: ReadonlyMap<string, string>;
  /** Where the tar header of each file begins in the unencrypted archive, by name. */
  offsets: ReadonlyMap<string, number>;
}

/**
 * Reads an archive once, encrypted or not, and answers only if every byte of it is what was written: else an ArchiveError whose
 * `faults` name each part that is damaged, missing, swapped, too many or from elsewhere. At most two parts are in memory.
 */
export async function verifyArchive(
  source: AsyncIterable<Uint8Array>,
  options: VerifyOptions = {},
): Promise<VerifiedArchive> {
  const seen: SeenFile[] = [];
  const ddl = new Map<string, string>();
  let ddlBytes = 0;
  let manifest: Manifest | undefined;
  const files = opened(readFiles(decryptIfEncrypted(source, options.identities)));
  const inspect = options.unpack === false ? inspectStored : inspectWhole;
  for await (const { file, ...what } of mapAhead(files, inspect)) {
    seen.push(what);
    if (file.kind === "manifest") manifest = decodeManifest(file.content);
    if (file.kind === "ddl") {
      ddlBytes += file.content.length;
      if (ddlBytes > maxDdlBytes) throw beyondLimit(`more than ${maxDdlBytes} bytes of DDL`);
      ddl.set(file.name, file.content.toString("utf8"));
    }
  }
  return {
    manifest: requireWhole(manifest, seen),
    ddl,
    offsets: new Map(seen.map(({ name, offset }) => [name, offset])),
  };
}

/** The manifest, if everything that was read is what it says. */
function requireWhole(manifest: Manifest | undefined, seen: readonly SeenFile[]): Manifest {
  if (manifest === undefined) throw damaged(`${manifestFile}: missing; the archive was never finished`);
  const faults = compare(manifest, seen);
  const [first, ...more] = faults;
  if (first === undefined) return manifest;
  throw damaged(more.length === 0 ? first : `${first} (and ${more.length} more)`, { faults });
}

/** The manifest of a small archive, not encrypted, that is in memory: every stored byte is held against it, as with `unpack: false`. */
export function verifyStored(archive: Buffer): Manifest {
  const seen: SeenFile[] = [];
  let manifest: Manifest | undefined;
  for (const { name, kind, offset, content } of filesIn(archive)) {
    if (seen.length === 0) requireOpening(kind, content);
    seen.push({ name, offset, storedBytes: content.length, storedSha256: sha256AtOnce(content) });
    if (kind === "manifest") manifest = decodeManifest(content);
  }
  return requireWhole(manifest, seen);
}

function requireOpening(kind: ArchiveFile["kind"], content: Buffer): void {
  if (kind !== "opening") throw damaged(`${openingFile}: missing`);
  checkOpening(content);
}

/** Looks at the first file before anything is made of the second: a newer format may hold what this program does not know. */
async function* opened(files: AsyncIterable<ArchiveFile>): AsyncGenerator<ArchiveFile, void, undefined> {
  let first = true;
  for await (const file of files) {
    if (first) requireOpening(file.kind, file.content);
    first = false;
    yield file;
  }
}

type Inspected = SeenFile & { file: ArchiveFile };

async function inspectStored(file: ArchiveFile): Promise<Inspected> {
  const { name, offset, content } = file;
  return { file, name, offset, storedBytes: content.length, storedSha256: await sha256Of(content) };
}

async function inspectWhole(file: ArchiveFile): Promise<Inspected> {
  const [stored, unpacked] = await Promise.all([inspectStored(file), file.kind === "part" ? unpack(file) : {}]);
  return { ...stored, ...unpacked };
}

/** A part that gzip cannot read is a fault to report with the others; one that unpacks without end is not read further. */
async function unpack({ name, content }: ArchiveFile): Promise<Pick<SeenFile, "unpacked" | "damage">> {
  try {
    const measure = createMeasure();
    for await (const piece of unpackPart(name, content)) measure.update(piece);
    return { unpacked: measure.result() };
  } catch (error) {
    if (error instanceof ArchiveError && error.code === "archive_damaged") return { damage: error.message };
    throw error;
  }
}

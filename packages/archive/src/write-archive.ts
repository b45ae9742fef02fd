import { createHash, type Hash } from "node:crypto";
import { Readable } from "node:stream";
import { ArchiveError, beyondLimit } from "./archive-error.ts";
import { createPartCutter, type PartCutter } from "./cut-parts.ts";
import {
  constraintsFile,
  createFile,
  manifestFile,
  openingFile,
  partFile,
  sharedDdlFile,
  tableFolder,
} from "./file-names.ts";
import { type CompressedPart, compressPart, compressWhole, type PartCompressor } from "./gzip-part.ts";
import { inPieces } from "./in-pieces.ts";
import { maxDdlBytes, maxFileBytes, maxPartBytes, maxTables } from "./limits.ts";
import {
  type ArchiveSnapshot,
  formatName,
  formatVersion,
  type Manifest,
  type ManifestDdlFile,
  type ManifestPart,
  type ManifestTable,
  type TenantRecord,
} from "./manifest.ts";
import { checkManifest, encodeManifest } from "./manifest-text.ts";
import { emptySha256, sha256AtOnce } from "./measure.ts";
import { opening } from "./opening.ts";
import { borrowScratch, returnScratch, Scratch } from "./scratch.ts";
import { encodeTarHeader, tarPadding, trailer } from "./tar-header.ts";

/** What a table is called and made of; `columns` are those of its COPY text, in order. */
export type TableDescription = Pick<ManifestTable, "name" | "columns" | "generatedColumns" | "primaryKey" | "evidence">;

export interface TableSource {
  table: TableDescription;
  ddl: {
    /** Columns, keys and checks: run before the rows are put back. */
    create: string;
    /** Foreign keys and the like: run once all rows of all tables are there. */
    constraints: string;
  };
  /** `COPY … TO STDOUT` in text format, UTF-8, as PostgreSQL sends it. */
  copy: AsyncIterable<Uint8Array>;
  /** Asked once `copy` has ended: what PostgreSQL itself counted and computed in the same snapshot. */
  facts(): Promise<TableFacts> | TableFacts;
}

export interface TableFacts {
  rows: number;
  /** Of the table's content; a short line such as "md5-v1:…". Left out: the SHA-256 of `copy`. */
  digest?: string;
}

export interface ArchiveSource {
  /** null for what belongs to no tenant. */
  tenant: TenantRecord | null;
  snapshot: ArchiveSnapshot;
  /** DDL the tables share; run first. */
  ddl: string;
  /** Parents before children, as they can be put back. Each is read to its end before the next is asked for. */
  tables: AsyncIterable<TableSource> | Iterable<TableSource>;
  /** gzip's, 1 (default) to 9. */
  compressionLevel?: number;
  /** Uncompressed bytes in a part; 8 MiB, and at most that. */
  partBytes?: number;
}

const newline = 0x0a;

/** DDL as bytes, kept: one tenant's is as a rule the same as the next one's. */
const knownDdl = new Map<string, { readonly content: Buffer; readonly sha256: string }>();
const mostKnown = 256;
/** Longer ones are rare, and not kept. */
const longestKnown = 16 * 1024;

const bytesOf = (text: string): { readonly content: Buffer; readonly sha256: string } => {
  const known = knownDdl.get(text);
  if (known !== undefined) return known;
  const content = Buffer.from(text);
  const fresh = { content, sha256: sha256AtOnce(content) };
  if (text.length > longestKnown) return fresh;
  if (knownDdl.size === mostKnown) knownDdl.clear();
  knownDdl.set(text, fresh);
  return fresh;
};

/** Bytes that wait for more before the reader gets them. */
const mostWaiting = 32 * 1024;

/** The archive as a byte stream: what `archiveBytes` gives, gathered. */
export function writeArchive(source: ArchiveSource): Readable {
  return Readable.from(inPieces(archiveBytes(source)), { objectMode: false });
}

/**
 * The archive's bytes, made as they are asked for, and valid until the next are: at most one compressed part is in memory, and of a row longer
 * than a part one part. Fails, and so never ends as a whole archive, when a table's stream fails or contradicts its facts (`source_invalid`).
 */
export async function* archiveBytes(source: ArchiveSource): AsyncGenerator<Uint8Array, void, undefined> {
  const mtime = Math.floor(Date.parse(source.snapshot.at) / 1000);
  const cutParts = createPartCutter(Math.min(source.partBytes ?? maxPartBytes, maxPartBytes));
  const tables: ManifestTable[] = [];
  let memory: Scratch | undefined;
  /** Reserved only where a part comes in pieces: V8 collects the sooner for what is reserved, used or not. */
  const memoryOfParts = (): Scratch => {
    memory ??= new Scratch(maxPartBytes);
    return memory;
  };
  let ddlBytes = 0;

  const manifest = (ddl: ManifestDdlFile): Manifest => ({
    format: formatName,
    version: formatVersion,
    tenant: source.tenant,
    snapshot: source.snapshot,
    ddl,
    tables,
  });
  /** What is small waits here for what follows it: each step to the reader takes longer than copying it. */
  const waiting = borrowScratch();
  function* rest(): Generator<Uint8Array, void, undefined> {
    yield waiting.content();
    waiting.drop(waiting.length);
  }
  function* file(name: string, ...content: readonly Buffer[]): Generator<Uint8Array, void, undefined> {
    const size = content.reduce((sum, { length }) => sum + length, 0);
    waiting.append(encodeTarHeader({ name, size, mtime }));
    for (const bytes of content) {
      if (waiting.length + bytes.length <= mostWaiting) {
        waiting.append(bytes);
        continue;
      }
      yield* rest();
      yield bytes;
    }
    waiting.append(tarPadding(size));
  }
  function* ddlFile(name: string, text: string): Generator<Uint8Array, ManifestDdlFile, undefined> {
    const { content, sha256 } = bytesOf(text);
    ddlBytes += content.length;
    if (content.length > maxFileBytes.ddl || ddlBytes > maxDdlBytes) throw beyondLimit(`${name}: too much DDL`);
    yield* file(name, content);
    return { file: name, bytes: content.length, sha256 };
  }

  try {
    checkManifest(manifest({ file: sharedDdlFile, bytes: 0, sha256: "0".repeat(64) })); // before anything is sent
    yield* file(openingFile, opening);
    const shared = yield* ddlFile(sharedDdlFile, source.ddl);
    for await (const table of source.tables) {
      if (tables.length === maxTables) throw beyondLimit(`more than ${maxTables} tables`);
      const folder = tableFolder(tables.length, table.table.name);
      const create = yield* ddlFile(createFile(folder), table.ddl.create);
      const constraints = yield* ddlFile(constraintsFile(folder), table.ddl.constraints);
      const parts: ManifestPart[] = [];
      let whole: Hash | undefined;
      const copied = compressedParts(table.copy, cutParts, source.compressionLevel ?? 1, memoryOfParts, (bytes) => {
        whole ??= createHash("sha256");
        whole.update(bytes);
      });
      for await (const { stored, ...part } of copied) {
        const name = partFile(folder, parts.length);
        parts.push({ file: name, ...part });
        yield* file(name, ...stored);
      }
      const facts = await table.facts();
      const sum = (of: "rows" | "bytes"): number => parts.reduce((total, part) => total + part[of], 0);
      if (facts.rows !== sum("rows")) throw contradiction(table.table.name, facts.rows, sum("rows"));
      tables.push({
        ...described(table.table),
        folder,
        rows: facts.rows,
        bytes: sum("bytes"),
        digest: facts.digest ?? whole?.digest("hex") ?? parts[0]?.sha256 ?? emptySha256,
        ddl: [create, constraints],
        parts,
      });
    }
    yield* file(manifestFile, encodeManifest(manifest(shared)));
    waiting.append(trailer);
    yield* rest();
  } finally {
    returnScratch(waiting);
  }
}

async function* compressedParts(
  copy: AsyncIterable<Uint8Array>,
  cutParts: PartCutter,
  level: number,
  memory: () => Scratch,
  /** Told of what is not one part by itself, whose SHA-256 would be the same. */
  beyondOnePart: (bytes: Buffer) => void,
): AsyncGenerator<CompressedPart, void, undefined> {
  let part: PartCompressor | undefined;
  let midRow = false;
  try {
    for await (const { bytes, endsPart, isAll } of cutParts(copy)) {
      if (!isAll) beyondOnePart(bytes);
      if (bytes.length > 0) midRow = bytes.at(-1) !== newline;
      if (part === undefined && endsPart) {
        yield await compressWhole(bytes, level);
        continue;
      }
      part ??= compressPart(level, memory(), bytes);
      await part.write(bytes);
      if (endsPart) {
        yield await part.finish();
        part.close();
        part = undefined;
      }
    }
  } finally {
    part?.close();
  }
  if (midRow) throw sourceInvalid("a COPY stream ended in the middle of a row");
}

/** Only what the manifest has room for: a description may carry more. */
const described = ({ name, columns, generatedColumns, primaryKey, evidence }: TableDescription): TableDescription => ({
  name,
  columns: columns.map((column) => ({ name: column.name, type: column.type, notNull: column.notNull })),
  generatedColumns,
  primaryKey,
  ...(evidence === true ? { evidence } : {}),
});

const contradiction = (table: string, counted: number, seen: number): ArchiveError =>
  sourceInvalid(`${table}: PostgreSQL counted ${counted} rows, its COPY stream had ${seen}`);

const sourceInvalid = (message: string): ArchiveError =>
  new ArchiveError("source_invalid", message, "Take the backup again; what was written so far is not one.");

import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { ArchiveError, verifyArchive } from "@tenantctl/archive";
import { archiveFault } from "../restore/archive-fault.ts";
import { createFeed } from "./feed.ts";
import { pathOf, type StoredItem } from "./repository.ts";

/** What is wrong with a stored file; nothing, where it is what the run wrote. */
export interface FileCheck {
  readonly faults: readonly string[];
  /** True where every part was looked at, and not only the stored bytes. */
  readonly deep: boolean;
}

const readBytes = 1024 * 1024;
const noKey = new Set(["wrong_key", "key_missing"]);

interface Read {
  readonly bytes: number;
  readonly sha256: string;
  /** Whose archive it is; undefined where it was not opened, or is none. */
  readonly tenant?: { readonly id: string; readonly slug: string } | null;
  readonly error?: unknown;
}

const readFile = async (
  path: string,
  identities: readonly string[],
  deep: boolean,
  onRead: (bytes: number) => void,
): Promise<Read> => {
  const hash = createHash("sha256");
  let bytes = 0;
  let error: unknown;
  const archive = deep ? createFeed((source) => verifyArchive(source, { identities })) : undefined;
  const failed = (cause: unknown): void => {
    error ??= cause;
  };
  for await (const chunk of createReadStream(path, { highWaterMark: readBytes })) {
    hash.update(chunk);
    bytes += chunk.length;
    onRead(chunk.length);
    // Damage ends the reading of parts; the stored bytes are read to their end all the same.
    if (error === undefined) await archive?.write(chunk).catch(failed);
  }
  const verified = error === undefined ? await archive?.end().catch(failed) : undefined;
  archive?.abandon();
  const tenant = verified ? { tenant: verified.manifest.tenant } : {};
  return { bytes, sha256: hash.digest("hex"), ...tenant, ...(error === undefined ? {} : { error }) };
};

const isNoKey = (error: unknown): boolean => error instanceof ArchiveError && noKey.has(error.code);

/** Why stored bytes are not those that the run wrote: the part that is damaged, or where they come from. */
const otherBytes = ({ item, run, tenant }: StoredItem, read: Read): string[] => {
  if (read.error instanceof ArchiveError && !isNoKey(read.error)) return [...read.error.faults];
  const owner = [run.record.system, ...run.record.tenants].find((other) => other?.sha256 === read.sha256)?.file;
  if (owner !== undefined && owner !== item.file) return [`holds what belongs in ${owner}`];
  if (read.tenant !== undefined && read.tenant?.id !== tenant?.id)
    return [`holds the archive of ${read.tenant?.slug ?? "the system"}: moved here from elsewhere`];
  if (read.bytes !== item.bytes) return [`has ${read.bytes} bytes; the run wrote ${item.bytes}`];
  return ["its bytes are not those that the run wrote"];
};

/**
 * Reads a stored file to its end and holds it against the run's record; what is not encrypted, or can be opened, is looked
 * into part by part. `onRead` is told of bytes as they are read. Throws, exit 7, where the file is the run's own and no key
 * opens it.
 */
export const verifyFile = async (
  stored: StoredItem,
  identities: readonly string[],
  onRead: (bytes: number) => void = () => {},
): Promise<FileCheck> => {
  const { item, tenant } = stored;
  const deep = identities.length > 0 || !(item.file ?? "").endsWith(".age");
  let read: Read;
  try {
    read = await readFile(pathOf(stored), identities, deep, onRead);
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
    return { faults: [code === "ENOENT" ? "missing" : `cannot be read (${code ?? cause})`], deep: false };
  }
  if (read.sha256 !== item.sha256) return { faults: otherBytes(stored, read), deep };
  if (read.error === undefined) {
    if (deep && read.tenant?.id !== tenant?.id) return { faults: otherBytes(stored, read), deep };
    return { faults: [], deep };
  }
  if (isNoKey(read.error) || !(read.error instanceof ArchiveError)) throw archiveFault(read.error, pathOf(stored));
  return { faults: read.error.faults, deep };
};

import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { type FileHandle, mkdir, open, readdir, rm, stat, statfs } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import type { Settings } from "../settings.ts";

/** A document on this server's disk, readable by this server alone, until `remove`. */
export interface Spooled {
  readonly path: string;
  remove(): Promise<void>;
}

const MiB = 1024 * 1024;
/** The disk may be the database's own: so much of it is left alone. */
const reserved = { bytes: 64 * MiB, share: 0.02 };
const lookEvery = 16 * MiB;
const abandonedAfterMs = 24 * 3_600_000;

const folderOf = ({ dataDir }: Pick<Settings, "dataDir">): string =>
  existsSync(dataDir) ? join(dataDir, "uploads") : join(tmpdir(), `tenantctl-uploads-${process.getuid?.() ?? "user"}`);

const own = new Set<string>();

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
};

/** Removes what processes left behind that were killed. */
export const removeStaleSpools = async (settings: Pick<Settings, "dataDir">): Promise<void> => {
  const folder = folderOf(settings);
  for (const name of await readdir(folder).catch(() => [])) {
    const path = join(folder, name);
    const pid = Number(/^(\d+)-[0-9a-f-]{36}$/.exec(name)?.[1]);
    if (!Number.isSafeInteger(pid) || own.has(path)) continue;
    // In a container every process has the same number: what is not this one's own is an earlier one's.
    const age = Date.now() - ((await stat(path).catch(() => undefined))?.mtimeMs ?? Date.now());
    if (pid === process.pid || !isAlive(pid) || age > abandonedAfterMs) await rm(path, { force: true });
  }
};

const refuseFullDisk = async (folder: string): Promise<void> => {
  const { bavail, blocks, bsize } = await statfs(folder);
  if (bavail * bsize >= Math.min(reserved.bytes, blocks * bsize * reserved.share)) return;
  throw Object.assign(new Error("The disk is nearly full."), { code: "ENOSPC" });
};

/** An empty place for a document. */
export const newSpool = async (settings: Pick<Settings, "dataDir">): Promise<Spooled> => {
  const folder = folderOf(settings);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, `${process.pid}-${randomUUID()}`);
  own.add(path);
  return {
    path,
    remove: async () => {
      own.delete(path);
      await rm(path, { force: true });
    },
  };
};

const writeAll = async (file: FileHandle, chunk: Uint8Array): Promise<void> => {
  for (let rest = chunk; rest.length > 0; ) {
    const { bytesWritten } = await file.write(rest);
    rest = rest.subarray(bytesWritten);
  }
};

/** Writes `source` there. Fails with ENOSPC before the disk is full; what is left of a request is then read and dropped, so that its sender hears why. */
export const fillSpool = async ({ path }: Spooled, source: Readable): Promise<void> => {
  const folder = join(path, "..");
  const file = await open(path, "wx", 0o600);
  let unseen = lookEvery;
  try {
    for await (const chunk of source.iterator({ destroyOnReturn: false })) {
      unseen += chunk.length;
      if (unseen >= lookEvery) {
        await refuseFullDisk(folder);
        unseen = 0;
      }
      await writeAll(file, chunk);
    }
  } catch (error) {
    source.resume();
    throw error;
  } finally {
    await file.close();
  }
};

import { createWriteStream, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { localFault } from "../backup/whole-file.ts";
import { onInterrupt } from "../signals.ts";
import type { CheckedArchive } from "./checked-archive.ts";

const ofTheDisk = (cause: unknown): boolean =>
  cause instanceof Error && "syscall" in cause && (cause.syscall === "write" || cause.syscall === "open");

/** Writes a stream into a file that only its owner can read, which is there until `use` returns. */
export const withTemporaryFile = async <T>(
  fill: (write: (source: AsyncIterable<Uint8Array>) => Promise<void>) => Promise<void>,
  use: (path: string) => Promise<T>,
): Promise<T> => {
  const folder = mkdtempSync(join(tmpdir(), "tenantctl-restore-"));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  const takeBack = onInterrupt(remove);
  const path = join(folder, "archive.tar");
  try {
    await fill((source) =>
      pipeline(source, createWriteStream(path, { flags: "wx", mode: 0o600 })).catch((cause: unknown) => {
        throw ofTheDisk(cause) ? localFault(path, cause) : cause;
      }),
    );
    return await use(path);
  } finally {
    takeBack();
    remove();
  }
};

/** The archive as a file that is not encrypted: itself, or decrypted for as long as `use` takes. */
export const withPlainFile = <T>(archive: CheckedArchive, use: (path: string) => Promise<T>): Promise<T> =>
  archive.encrypted ? withTemporaryFile((write) => write(archive.plain()), use) : use(archive.path);

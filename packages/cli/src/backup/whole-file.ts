import { randomBytes } from "node:crypto";
import { close, closeSync, fsync, open, openSync, renameSync, rmSync, write, writeSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { promisify } from "node:util";
import { exitCodes } from "@tenantctl/contract";
import { CliError } from "../cli-error.ts";
import { onInterrupt } from "../signals.ts";

const [openLater, writeSome, sync, closeLater] = [
  promisify(open),
  promisify(write),
  promisify(fsync),
  promisify(close),
];

/** This machine could not take the data; another tenant's would fare no better. */
export class LocalFault extends CliError {}

/** The local fault that an error of the file system stands for. */
export const localFault = (path: string, cause: unknown): LocalFault => {
  if (cause instanceof LocalFault) return cause;
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
  if (code === "ENOSPC" || code === "EDQUOT")
    return new LocalFault(
      "disk_full",
      exitCodes.unexpected,
      `the disk is full: ${path} could not be written`,
      "Make room there, or write somewhere else.",
    );
  return new LocalFault(
    "cannot_write",
    exitCodes.unexpected,
    `cannot write ${path}: ${cause instanceof Error ? cause.message : String(cause)}`,
    "Check the path, and who may write there.",
  );
};

/** Makes sure that a folder's entries outlive a power cut, where the file system knows how. */
export const syncFolder = async (folder: string): Promise<void> => {
  const handle = await openLater(folder, "r").catch(() => undefined);
  if (handle === undefined) return;
  try {
    await sync(handle);
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
    if (code === "EIO" || code === "ENOSPC") throw localFault(folder, cause);
  } finally {
    await closeLater(handle);
  }
};

/** A file that gets its name when it is whole. */
export interface WholeFile {
  write(chunk: Uint8Array): Promise<void>;
  /** The same at once: for what is little. */
  writeNow(chunk: Uint8Array): void;
  /** Stores what was written and gives it its name, replacing a file of that name. The folder is the caller's to sync. */
  finish(path: string): Promise<void>;
  /** Leaves nothing behind; after `finish` it does nothing. */
  discard(): Promise<void>;
}

/**
 * Begins a file that only its owner can read (mode 0600), beside where it will be. Synchronous, as renaming is: a signal
 * finds either no file, or one that it knows of and removes. Throws LocalFault, as the file's methods do.
 */
export const beginFile = (beside: string): WholeFile => {
  const temporary = join(dirname(beside), `.${basename(beside)}.${randomBytes(6).toString("hex")}.tmp`);
  const remove = (): void => rmSync(temporary, { force: true });
  const takeBack = onInterrupt(remove);
  let handle: number | undefined;
  let finished = false;
  try {
    handle = openSync(temporary, "wx", 0o600);
  } catch (cause) {
    takeBack();
    throw localFault(beside, cause);
  }
  const opened = handle;
  const shut = (): void => {
    if (handle !== undefined) closeSync(handle);
    handle = undefined;
  };
  const guarded = async (step: () => Promise<void>): Promise<void> => {
    try {
      await step();
    } catch (cause) {
      throw localFault(beside, cause);
    }
  };
  return {
    write: (chunk) =>
      guarded(async () => {
        let done = 0;
        while (done < chunk.length) done += (await writeSome(opened, chunk, done)).bytesWritten;
      }),
    writeNow: (chunk) => {
      try {
        for (let done = 0; done < chunk.length; ) done += writeSync(opened, chunk, done);
      } catch (cause) {
        throw localFault(beside, cause);
      }
    },
    finish: (path) =>
      guarded(async () => {
        await sync(opened);
        shut();
        renameSync(temporary, path);
        takeBack();
        finished = true;
      }),
    discard: async () => {
      if (finished) return;
      try {
        shut();
      } finally {
        remove();
        takeBack();
      }
    },
  };
};

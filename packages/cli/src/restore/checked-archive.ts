import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { decryptIfEncrypted, isEncrypted, type Manifest, verifyArchive } from "@tenantctl/archive";
import { exitCodes } from "@tenantctl/contract";
import { CliError, usage } from "../cli-error.ts";
import { archiveFault } from "./archive-fault.ts";

/** A file that was read from its first to its last byte and found whole. */
export interface CheckedArchive {
  readonly path: string;
  readonly manifest: Manifest;
  readonly encrypted: boolean;
  /** As stored. */
  readonly bytes: number;
  /** Of the file as stored, in hex. */
  readonly sha256: string;
  /** The plain archive, decrypted here: keys never leave this machine. May be asked for again. */
  readonly plain: () => AsyncIterable<Uint8Array>;
}

const readBytes = 1024 * 1024;

/** Throws, exit 10, unless the file is the one that was stored. */
export const checkStoredBytes = async (path: string, sha256: string): Promise<void> => {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path, { highWaterMark: readBytes })) hash.update(chunk);
  if (hash.digest("hex") !== sha256) throw notAsStored(path);
};

const notAsStored = (path: string): CliError =>
  new CliError(
    "archive_damaged",
    exitCodes.problemFound,
    `${path} is not the file that the run stored: its SHA-256 is another`,
    "Use another run (`--run`); find out who replaced the file.",
  );

/** Reads all of an archive and throws unless it is whole, opened by one of the keys and, where `sha256` is known, the file that was stored. */
export const checkArchive = async (
  path: string,
  identities: readonly string[],
  sha256?: string,
): Promise<CheckedArchive> => {
  const found = await stat(path).catch((cause: NodeJS.ErrnoException) => {
    throw usage(
      `cannot read ${path}: ${cause.code === "ENOENT" ? "there is no such file" : cause.message}`,
      "Check the path.",
    );
  });
  if (!found.isFile()) throw usage(`${path} is not a file`, "Name the archive itself: <run>/<slug>.tar.");
  const hash = createHash("sha256");
  let encrypted: boolean | undefined;
  async function* stored(): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const chunk of createReadStream(path, { highWaterMark: readBytes })) {
      hash.update(chunk);
      encrypted ??= isEncrypted(chunk);
      yield chunk;
    }
  }
  try {
    const { manifest } = await verifyArchive(stored(), { identities });
    const digest = hash.digest("hex");
    if (sha256 !== undefined && digest !== sha256) throw notAsStored(path);
    return {
      path,
      manifest,
      encrypted: encrypted === true,
      bytes: found.size,
      sha256: digest,
      plain: () => decryptIfEncrypted(createReadStream(path, { highWaterMark: readBytes }), identities),
    };
  } catch (error) {
    throw archiveFault(error, path);
  }
};

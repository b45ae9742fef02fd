import { createHash, hash } from "node:crypto";
import { ArchiveError, beThrifty, encrypt, type Manifest, verifyArchive, verifyStored } from "@tenantctl/archive";
import { exitCodes, UnreachableError } from "@tenantctl/contract";
import { CliError } from "../cli-error.ts";
import type { Api } from "../session/api.ts";
import { createFeed } from "./feed.ts";
import { readBody } from "./read-body.ts";

/** An archive that came whole and is stored. */
export interface FetchedArchive {
  readonly manifest: Manifest;
  /** As stored, encrypted or not. */
  readonly bytes: number;
  readonly sha256: string;
}

export interface FetchOptions {
  /** null: what belongs to no tenant. */
  readonly tenant: { readonly id: string; readonly slug: string } | null;
  /** age recipients; none: it is stored as it came. */
  readonly recipients: readonly string[];
  readonly stallMs: number;
  readonly signal: AbortSignal;
  readonly write: (chunk: Uint8Array) => Promise<void>;
}

const pieceBytes = 256 * 1024;
/** Of what may come without care for memory. */
const smallBytes = 4 * 1024 * 1024;

const nameOf = (tenant: FetchOptions["tenant"]): string =>
  tenant === null ? "the system archive" : `the archive of ${tenant.slug}`;

/** HTTP alone does not tell a whole archive from a cut one, so every byte is held against its manifest as it goes by. */
const notWhole = (what: string, cause: ArchiveError): UnreachableError =>
  new UnreachableError(
    `${what} did not come whole: ${cause.message}`,
    "Run it again; if it repeats, look at the API's log and at proxies on the way.",
    cause,
  );

const wrongTenant = (asked: string, manifest: Manifest): CliError =>
  new CliError(
    "wrong_tenant",
    exitCodes.unexpected,
    `${asked} was asked for and the data of ${manifest.tenant?.slug ?? "the system"} came`,
    "Nothing was kept. Look for a cache between here and the API; if there is none, report it at once.",
  );

const requireTenant = (tenant: FetchOptions["tenant"], manifest: Manifest): void => {
  if ((manifest.tenant?.id ?? null) !== (tenant?.id ?? null)) throw wrongTenant(nameOf(tenant), manifest);
};

/** The same of a small archive that is in memory as it will be stored, in one step. */
export const checkSmallArchive = (tenant: FetchOptions["tenant"], archive: Buffer): FetchedArchive => {
  try {
    const manifest = verifyStored(archive);
    requireTenant(tenant, manifest);
    return { manifest, bytes: archive.length, sha256: hash("sha256", archive) };
  } catch (cause) {
    throw cause instanceof ArchiveError ? notWhole(nameOf(tenant), cause) : cause;
  }
};

/** An archive that is coming in: checked against its manifest, encrypted where there are recipients, written. */
export interface Receiver {
  write(chunk: Uint8Array): Promise<void>;
  /** Resolves only when it came whole and is that tenant's; what was written is good for nothing otherwise. */
  end(): Promise<FetchedArchive>;
  /** Lets go of it, finished or not. */
  abandon(): void;
}

export const receiveArchive = (options: Pick<FetchOptions, "tenant" | "recipients" | "write">): Receiver => {
  const { tenant, recipients, write } = options;
  const what = nameOf(tenant);
  const hash = createHash("sha256");
  let bytes = 0;
  let beWasteful: (() => void) | undefined;
  // An archive comes in many small pieces; each would be a write of its own.
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  const flush = async (): Promise<void> => {
    const piece = Buffer.concat(held);
    held = [];
    heldBytes = 0;
    hash.update(piece);
    bytes += piece.length;
    if (bytes > smallBytes) beWasteful ??= beThrifty();
    await write(piece);
  };
  const store = async (chunk: Uint8Array): Promise<void> => {
    held.push(chunk);
    heldBytes += chunk.length;
    if (heldBytes >= pieceBytes) await flush();
  };
  const verified = createFeed((source) => verifyArchive(source, { unpack: false }));
  const sealed =
    recipients.length === 0
      ? undefined
      : createFeed(async (source) => {
          for await (const chunk of encrypt(recipients)(source)) await store(chunk);
        });
  const explained = async <T>(step: Promise<T>): Promise<T> => {
    try {
      return await step;
    } catch (cause) {
      throw cause instanceof ArchiveError ? notWhole(what, cause) : cause;
    }
  };
  return {
    write: (chunk) =>
      explained(Promise.all([verified.write(chunk), (sealed?.write ?? store)(chunk)]).then(() => undefined)),
    end: async () => {
      const [{ manifest }] = await explained(Promise.all([verified.end(), sealed?.end()]));
      await flush();
      requireTenant(tenant, manifest);
      return { manifest, bytes, sha256: hash.digest("hex") };
    },
    abandon: () => {
      verified.abandon();
      sealed?.abandon();
      beWasteful?.();
    },
  };
};

/**
 * Streams an archive into `write`, encrypted where there are recipients. Returns only when it came whole and is that
 * tenant's; throws otherwise, and what was written then is good for nothing.
 */
export const fetchArchive = async (api: Api, options: FetchOptions): Promise<FetchedArchive> => {
  const { tenant, stallMs, signal } = options;
  const received = receiveArchive(options);
  try {
    await readBody(
      (stop) =>
        tenant === null
          ? api.send("backups.systemArchive", {}, { signal: stop })
          : api.send("backups.archive", { params: { id: tenant.id } }, { signal: stop }),
      { what: nameOf(tenant), stallMs, signal },
      received.write,
    );
    return await received.end();
  } finally {
    received.abandon();
  }
};

import { ArchiveError, damaged } from "./archive-error.ts";

/**
 * Turns one byte stream into another: a step for `stream.pipeline`, or called with any async iterable of bytes. It may hold a chunk
 * while it asks for the next, so each must have memory of its own.
 */
export type ByteTransform = (source: AsyncIterable<Uint8Array>) => AsyncGenerator<Uint8Array, void, undefined>;

const magic = "age-encryption.org/v1\n";
/** age works through a chunk at once, at about 120 MB/s: pieces of this many bytes let other work in between. */
const pieceBytes = 64 * 1024;
/** No header with a sensible number of recipients is longer, in bytes. */
const maxHeaderBytes = 1024 * 1024;

/** Loaded on first use: most of what imports this package never touches a key. */
const age = () => import("age-encryption");

/** Gives `key_invalid` unless there is at least one and all are age recipients ("age1…"). */
export async function checkRecipients(recipients: readonly string[]): Promise<void> {
  const { Encrypter } = await age();
  if (recipients.length === 0) throw keyInvalid("no recipient given");
  for (const recipient of recipients) {
    try {
      new Encrypter().addRecipient(recipient);
    } catch (cause) {
      throw keyInvalid(`${JSON.stringify(recipient)} is not an age recipient`, cause);
    }
  }
}

/** Gives `key_invalid` unless all are age identities ("AGE-SECRET-KEY-1…"). The message never holds one. */
export async function checkIdentities(identities: readonly string[]): Promise<void> {
  const { Decrypter } = await age();
  for (const [index, identity] of identities.entries()) {
    try {
      new Decrypter().addIdentity(identity);
    } catch {
      throw keyInvalid(`identity ${index + 1} of ${identities.length} is not an age identity`);
    }
  }
}

/** Encrypts for all of these age recipients; any one of their identities opens it. Checks them before the first byte. */
export function encrypt(recipients: readonly string[]): ByteTransform {
  return async function* encrypted(source) {
    await checkRecipients(recipients);
    const { Encrypter } = await age();
    const encrypter = new Encrypter();
    for (const recipient of recipients) encrypter.addRecipient(recipient);
    yield* await encrypter.encrypt(ReadableStream.from(pieces(source)));
  };
}

/** Decrypts with whichever of these identities fits: `wrong_key` if none does, `archive_damaged` for a file changed or cut. */
export function decrypt(identities: readonly string[]): ByteTransform {
  return async function* decrypted(source) {
    await checkIdentities(identities);
    const { Decrypter } = await age();
    let headerRead = false;
    let headerBytes = 0;
    let sourceError: unknown;
    async function* watched(): AsyncGenerator<Uint8Array, void, undefined> {
      try {
        for await (const piece of pieces(source)) {
          headerBytes += headerRead ? 0 : piece.length;
          if (headerBytes > maxHeaderBytes) throw damaged("the age header has no end");
          yield piece;
        }
      } catch (error) {
        sourceError = error;
        throw error;
      }
    }
    const decrypter = new Decrypter();
    decrypter.addIdentity({
      unwrapFileKey: () => {
        headerRead = true;
        return null;
      },
    });
    for (const identity of identities) decrypter.addIdentity(identity);
    decrypter.addIdentity({
      unwrapFileKey: () => {
        throw wrongKey(identities.length);
      },
    });
    const input = watched();
    try {
      yield* await decrypter.decrypt(ReadableStream.from(input));
    } catch (cause) {
      if (sourceError !== undefined) throw sourceError;
      if (cause instanceof ArchiveError) throw cause;
      throw damaged("the encrypted file is damaged or cut", { cause });
    } finally {
      // age does not let go of a stream whose header it refused; a source that stalls is not waited for.
      input.return().catch(() => undefined);
    }
  };
}

/** True for the first bytes of an age file; 22 of them are enough. */
export const isEncrypted = (head: Uint8Array): boolean =>
  Buffer.from(head.subarray(0, magic.length)).toString("latin1") === magic;

/** Passes an unencrypted stream on as it is. `key_missing` for an age file where no identity was given. */
export async function* decryptIfEncrypted(
  source: AsyncIterable<Uint8Array>,
  identities: readonly string[] = [],
): AsyncGenerator<Uint8Array, void, undefined> {
  const iterator = source[Symbol.asyncIterator]();
  const head: Uint8Array[] = [];
  let headBytes = 0;
  async function* whole(): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      yield* head;
      head.length = 0;
      for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) yield next.value;
    } finally {
      await iterator.return?.();
    }
  }
  while (headBytes < magic.length) {
    const next = await iterator.next();
    if (next.done === true) break;
    head.push(next.value);
    headBytes += next.value.length;
  }
  if (!isEncrypted(Buffer.concat(head.map((chunk) => chunk.subarray(0, magic.length))))) return yield* whole();
  if (identities.length === 0) {
    await iterator.return?.();
    throw new ArchiveError("key_missing", "the archive is encrypted", "Name the file that holds the age identity.");
  }
  yield* decrypt(identities)(whole());
}

/** Recipients or identities from a file as age writes it: one a line, with empty lines and `#` comments between. */
export const parseKeys = (text: string): string[] =>
  text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"));

export interface KeyPair {
  /** The secret, for whoever restores: "AGE-SECRET-KEY-1…". */
  identity: string;
  /** For whoever writes: "age1…". */
  recipient: string;
}

/** A new key, as `age-keygen` makes them. */
export async function generateKey(): Promise<KeyPair> {
  const { generateX25519Identity, identityToRecipient } = await age();
  const identity = await generateX25519Identity();
  return { identity, recipient: await identityToRecipient(identity) };
}

async function* pieces(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of source) {
    for (let start = 0; start < chunk.length; start += pieceBytes) yield chunk.subarray(start, start + pieceBytes);
  }
}

const keyInvalid = (message: string, cause?: unknown): ArchiveError =>
  new ArchiveError(
    "key_invalid",
    message,
    "Recipients begin with age1, identities with AGE-SECRET-KEY-1; age-keygen makes a pair.",
    { cause },
  );

const wrongKey = (given: number): ArchiveError =>
  new ArchiveError(
    "wrong_key",
    given === 1 ? "the key given does not open this archive" : `none of the ${given} keys given opens this archive`,
    "Use the identity of one of the recipients it was encrypted for.",
  );

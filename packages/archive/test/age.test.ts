import { PassThrough, Readable } from "node:stream";
import { finished, pipeline } from "node:stream/promises";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import {
  checkIdentities,
  checkRecipients,
  decrypt,
  encrypt,
  generateKey,
  isEncrypted,
  type KeyPair,
  parseKeys,
  verifyArchive,
} from "../src/index.ts";
import { chunked, collect, refusal, smallArchive } from "./fixtures/sample.ts";

describe("encrypted archives", () => {
  let [cron, owner, other]: KeyPair[] = [];
  let archive: Buffer;
  let encrypted: Buffer;
  const key = (pair: KeyPair | undefined): KeyPair => {
    if (pair === undefined) throw new Error("no key");
    return pair;
  };
  const verify = (bytes: Buffer, ...identities: string[]) => verifyArchive(chunked(bytes, 5000), { identities });

  beforeAll(async () => {
    [cron, owner, other] = await Promise.all([generateKey(), generateKey(), generateKey()]);
    archive = await smallArchive();
    encrypted = await collect(encrypt([key(cron).recipient, key(owner).recipient])(chunked(archive)));
  });

  it("open with the identity of any recipient, and verify as they are", async () => {
    expect(isEncrypted(encrypted)).toBe(true);
    expect(isEncrypted(archive)).toBe(false);
    for (const pair of [cron, owner]) {
      expect((await collect(decrypt([key(pair).identity])(chunked(encrypted)))).equals(archive)).toBe(true);
    }
    expect((await verify(encrypted, key(other).identity, key(owner).identity)).manifest.tenant?.slug).toBe("acme");
  });

  it("give back any bytes, in whatever chunks they come", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 200_000, size: "max" }),
        fc.integer({ min: 900, max: 90_000 }),
        async (bytes, chunk) => {
          const there = encrypt([key(cron).recipient])(chunked(bytes, chunk));
          expect((await collect(decrypt([key(cron).identity])(there))).equals(bytes)).toBe(true);
        },
      ),
      { numRuns: 30 },
    );
  });

  it("are steps of a pipeline", async () => {
    const sink = new PassThrough();
    const read = collect(sink);
    await pipeline(Readable.from([archive]), encrypt([key(cron).recipient]), decrypt([key(cron).identity]), sink);
    expect((await read).equals(archive)).toBe(true);
  });

  it("tell a wrong key from damage", async () => {
    expect(await refusal(verify(encrypted, key(other).identity))).toMatchObject({
      code: "wrong_key",
      message: "the key given does not open this archive",
    });
    expect((await refusal(verify(encrypted))).code).toBe("key_missing");
    const changed = Buffer.from(encrypted);
    changed[encrypted.length - 100] = (changed[encrypted.length - 100] ?? 0) ^ 1;
    expect((await refusal(verify(changed, key(owner).identity))).code).toBe("archive_damaged");
  });

  it("do not verify with any byte changed", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(encrypted.length - 1), fc.integer({ min: 1, max: 255 }), async (at, difference) => {
        const changed = Buffer.from(encrypted);
        changed[at] = (changed[at] ?? 0) ^ difference;
        await refusal(verify(changed, key(owner).identity));
      }),
      { numRuns: 300 },
    );
    for (let at = 0; at < 500; at += 1) {
      const changed = Buffer.from(encrypted);
      changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8));
      await refusal(verify(changed, key(owner).identity));
    }
  });

  it("do not verify when cut anywhere", async () => {
    for (let length = 0; length < encrypted.length; length += 97) {
      await refusal(verify(encrypted.subarray(0, length), key(owner).identity));
    }
  });

  it("let go of the stream they were refusing", async () => {
    const stream = Readable.from(chunked(encrypted, 300));
    await refusal(verifyArchive(stream, { identities: [key(other).identity] }));
    await finished(stream).catch(() => undefined);
    expect(stream.destroyed).toBe(true);
  });

  it("pass on the error of the stream below", async () => {
    const broken = new Error("disk gone");
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield encrypted.subarray(0, 400);
      throw broken;
    }
    await expect(collect(decrypt([key(owner).identity])(failing()))).rejects.toBe(broken);
  });

  it("refuse a header without an end before it fills the memory", async () => {
    async function* endless(): AsyncGenerator<Uint8Array> {
      yield Buffer.from("age-encryption.org/v1\n-> X25519 ");
      for (;;) yield Buffer.alloc(65_536, "A");
    }
    expect((await refusal(collect(decrypt([key(owner).identity])(endless())))).code).toBe("archive_damaged");
  });

  it("refuse what is not a key, without repeating a secret", async () => {
    expect((await refusal(checkRecipients(["age1nonsense"]))).code).toBe("key_invalid");
    expect((await refusal(collect(encrypt([])(chunked(archive))))).code).toBe("key_invalid");
    const secret = key(owner).identity.slice(0, -1);
    for (const refused of [checkIdentities([secret]), verify(encrypted, secret)]) {
      const error = await refusal(refused);
      expect(error.code).toBe("key_invalid");
      expect(`${error.message}${error.hint}${String(error.cause)}`).not.toContain(secret.slice(20));
    }
  });

  it("read key files as age-keygen writes them", () => {
    expect(parseKeys("# created: today\n# public key: age1x\nAGE-SECRET-KEY-1X\n\n")).toEqual(["AGE-SECRET-KEY-1X"]);
  });
});

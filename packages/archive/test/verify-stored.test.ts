import { expect, it } from "vitest";
import { ArchiveError, verifyArchive, verifyStored, writeArchive } from "../src/index.ts";

const archive = async (): Promise<Buffer> => {
  const copy = Buffer.from("1\tone\n2\ttwo\n");
  const written = writeArchive({
    tenant: { id: "01890000-0000-7000-8000-000000000001", slug: "acme" },
    snapshot: { at: "2026-01-01T00:00:00Z", serverVersion: "18.4", migrations: [] },
    ddl: "create schema shop;\n",
    tables: [
      {
        table: {
          name: "shop.orders",
          columns: [{ name: "id", type: "bigint", notNull: true }],
          generatedColumns: [],
          primaryKey: ["id"],
        },
        ddl: { create: "", constraints: "" },
        copy: (async function* () {
          yield copy;
        })(),
        facts: () => ({ rows: 2, digest: "d" }),
      },
    ],
  });
  const chunks: Buffer[] = [];
  for await (const chunk of written) chunks.push(chunk);
  return Buffer.concat(chunks);
};

const verify = (bytes: Buffer) =>
  verifyArchive(
    (async function* () {
      yield bytes;
    })(),
    { unpack: false },
  );

it("finds every flipped bit and every cut without unpacking a part", async () => {
  const whole = await archive();
  expect((await verify(whole)).manifest.tables.map(({ rows }) => rows)).toEqual([2]);
  for (let at = 0; at < whole.length; at += 7) {
    const flipped = Buffer.from(whole);
    flipped.writeUInt8(flipped.readUInt8(at) ^ (1 << (at % 8)), at);
    await expect(verify(flipped), `byte ${at}`).rejects.toThrow();
  }
  for (let length = 0; length < whole.length; length += 61)
    await expect(verify(whole.subarray(0, length))).rejects.toThrow();
});

it("says the same of an archive in memory as of one that streams by", async () => {
  const whole = await archive();
  expect(verifyStored(whole)).toEqual((await verify(whole)).manifest);
  const inMemory = (bytes: Buffer): string => {
    try {
      verifyStored(bytes);
      return "whole";
    } catch (error) {
      return error instanceof ArchiveError ? `${error.code}: ${error.message}` : String(error);
    }
  };
  const streamed = (bytes: Buffer): Promise<string> =>
    verify(bytes).then(
      () => "whole",
      (error: ArchiveError) => `${error.code}: ${error.message}`,
    );
  const altered: Buffer[] = [Buffer.concat([whole, Buffer.alloc(1)]), Buffer.concat([whole, whole])];
  for (let length = 0; length < whole.length; length += 61) altered.push(whole.subarray(0, length));
  for (let at = 0; at < whole.length; at += 13) {
    const flipped = Buffer.from(whole);
    flipped.writeUInt8(flipped.readUInt8(at) ^ (1 << (at % 8)), at);
    altered.push(flipped);
  }
  for (const [index, bytes] of altered.entries()) {
    const said = inMemory(bytes);
    expect(said).not.toBe("whole");
    expect(said, `alteration ${index}`).toBe(await streamed(bytes));
  }
});

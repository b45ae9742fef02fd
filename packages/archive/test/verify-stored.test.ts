import { expect, it } from "vitest";
import { verifyArchive, writeArchive } from "../src/index.ts";

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

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeRow, decodeRowText, encodeRow, splitRows } from "../src/index.ts";
import { chunked, collect, refusal, reused } from "./fixtures/sample.ts";

const nothing = null;
const field = fc.option(
  fc.string({ unit: fc.constantFrom("\\", "\t", "\n", "\r", "N", "x", "7", "b", "\v", "é", "😀", "\b", "\f", "a") }),
);
const row = fc.array(field, { minLength: 1, maxLength: 8 });

async function split(bytes: Buffer, chunk: number): Promise<Buffer[]> {
  const rows: Buffer[] = [];
  for await (const some of splitRows(reused(bytes, chunk))) rows.push(...some.map((each) => Buffer.from(each)));
  return rows;
}

describe("COPY text", () => {
  it("keeps every field, as text and as bytes, however it is cut into chunks", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(row, { maxLength: 20 }), fc.integer({ min: 1, max: 50 }), async (rows, chunk) => {
        const encoded = await split(Buffer.concat(rows.map(encodeRow)), chunk);
        expect(encoded.map(decodeRowText)).toEqual(rows);
        expect(encoded.map((each) => decodeRow(each).map((value) => value?.toString() ?? nothing))).toEqual(rows);
      }),
    );
  });

  it("keeps any bytes", () => {
    fc.assert(
      fc.property(fc.array(fc.option(fc.uint8Array())), (fields) => {
        const given = [new Uint8Array(), ...fields];
        const decoded = decodeRow(encodeRow(given).subarray(0, -1));
        expect(decoded.map((value) => (value === nothing ? nothing : [...value]))).toEqual(
          given.map((value) => (value === nothing ? nothing : [...value])),
        );
      }),
    );
  });

  it.each([
    ["\\N", [nothing]],
    ["", [""]],
    ["\\\\N\t\\N\t", ["\\N", nothing, ""]],
    ["\\\\x00ff", ["\\x00ff"]],
    ["\\.\\q", [".q"]],
    ["\\101\\x42\\x4g\\xg\\08", ["AB\u0004gxg\u00008"]],
    ["\\303\\251", ["é"]],
    ["a\\tb\\nc\\\\d\\r\\b\\f\\v", ["a\tb\nc\\d\r\b\f\v"]],
  ])("reads %j as PostgreSQL does", (text, fields) => {
    expect(decodeRowText(Buffer.from(text))).toEqual(fields);
    expect(decodeRow(Buffer.from(text)).map((value) => value?.toString() ?? nothing)).toEqual(fields);
  });

  it.each(["a\\", "a\\\\\\", "a\\\tb"])("refuses %j, which ends in a lone backslash", async (text) => {
    expect((await refusal((async () => decodeRow(Buffer.from(text)))())).code).toBe("row_invalid");
    expect((await refusal((async () => decodeRowText(Buffer.from(text)))())).code).toBe("row_invalid");
  });

  it("refuses a stream that ends within a row, and a row beyond the limit", async () => {
    expect((await refusal(split(Buffer.from("a\nb"), 10))).code).toBe("row_invalid");
    expect((await refusal(collect(flat(splitRows(chunked(Buffer.alloc(100, "a"), 7), 50))))).code).toBe(
      "limit_exceeded",
    );
  });
});

async function* flat(rows: AsyncIterable<Buffer[]>): AsyncGenerator<Buffer> {
  for await (const some of rows) yield* some;
}

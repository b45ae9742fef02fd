import { expect, it } from "vitest";
import { RowText } from "../src/row-text.ts";

const row = (...values: readonly (string | null)[]): Buffer => {
  const count = Buffer.alloc(2);
  count.writeUInt16BE(values.length);
  const fields = values.map((value) => {
    const content = Buffer.from(value ?? "");
    const length = Buffer.alloc(4);
    length.writeInt32BE(value === null ? -1 : content.length);
    return Buffer.concat([length, content]);
  });
  return Buffer.concat([count, ...fields]);
};

const message = Buffer.concat([row("a\tb", null, "", "ü\\"), row(), row(null), row("\n\r\b\f\v", "x".repeat(300))]);
const text = `a\\tb\t\\N\t\tü\\\\\n\n\\N\n\\n\\r\\b\\f\\v\t${"x".repeat(300)}\n`;

it("makes the same text of rows wherever they are cut", () => {
  for (let bytes = 1; bytes <= message.length; bytes += 1) {
    const rows = new RowText();
    let made = "";
    for (let at = 0; at < message.length; at += bytes) {
      rows.add(message.subarray(at, at + bytes));
      made += rows.take().toString("latin1");
    }
    expect(made).toBe(Buffer.from(text).toString("latin1"));
  }
});

it("keeps what is not taken yet", () => {
  const rows = new RowText();
  for (const byte of message) rows.add(Uint8Array.of(byte));
  expect(rows.length).toBe(Buffer.byteLength(text));
  expect(rows.take().toString()).toBe(text);
  expect(rows.length).toBe(0);
});

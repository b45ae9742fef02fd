import fc from "fast-check";
import stringWidth from "string-width";
import { describe, expect, it } from "vitest";
import { cleanLine, cleanText } from "../src/output/clean.ts";
import type { Column } from "../src/output/column.ts";
import { csvText } from "../src/output/csv.ts";
import { elementsOf, indented, oneLine } from "../src/output/json-text.ts";
import { createPaint } from "../src/output/paint.ts";
import { recordText } from "../src/output/record.ts";
import { tableText } from "../src/output/table.ts";

const paint = createPaint(false);
const columns: Column[] = [
  { key: "slug" },
  { key: "name", flex: true },
  { key: "status", as: "status" },
  { key: "note", flex: true, drop: 1 },
];
const widest = (text: string): number => Math.max(...text.split("\n").map((line) => stringWidth(line)));

describe("JSON as text", () => {
  it("keeps every value as it was written", () => {
    const text = '[{"n": 1.50, "big": 12345678901234567890, "s": "a, [b] {c} \\"d\\" \\\\"},\n {"e": {}, "l": []}]';
    expect(elementsOf(text)).toEqual([
      '{"n":1.50,"big":12345678901234567890,"s":"a, [b] {c} \\"d\\" \\\\"}',
      '{"e":{},"l":[]}',
    ]);
    expect(indented('{"a":[1,{"b":{}}],"c":[]}')).toBe(
      '{\n  "a": [\n    1,\n    {\n      "b": {}\n    }\n  ],\n  "c": []\n}',
    );
    expect(elementsOf("[]")).toEqual([]);
  });

  it("means the same in every shape", () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue()), (values) => {
        const text = JSON.stringify(values);
        expect(`[${elementsOf(text).join(",")}]`).toBe(text);
        expect(indented(text)).toBe(JSON.stringify(values, undefined, 2));
        expect(oneLine(indented(text))).toBe(text);
      }),
    );
  });
});

describe("what tenants typed", () => {
  it("never reaches a terminal as a control sequence", () => {
    expect(cleanLine("a\u001b[31mb\u009bc\u202ed\ne")).toBe("a\\u001b[31mb\\u009bc\\u202ed\\ne");
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (name) => {
        const { text } = tableText([{ slug: "acme", name }], columns, paint, 60);
        // biome-ignore lint/suspicious/noControlCharactersInRegex: they must not be there
        expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/);
        expect(cleanText(name)).not.toContain("\u001b");
      }),
    );
  });

  it("is no formula in a spreadsheet, while a negative number stays one", () => {
    const rows = ["=1+1", "+1", "-1", "@a", "\tb", "\rc", "plain", 'say "hi", now'].map((name) => ({
      name,
      balance: -5,
    }));
    const [header, ...lines] = csvText(rows, ["name", "balance"]).trimEnd().split("\n");
    expect(header).toBe("name,balance");
    expect(lines.slice(0, 4)).toEqual(["'=1+1,-5", "'+1,-5", "'-1,-5", "'@a,-5"]);
    expect(lines.slice(4, 6).every((line) => line.replace(/^"/, "").startsWith("'"))).toBe(true);
    expect(lines.slice(6)).toEqual(["plain,-5", '"say ""hi"", now",-5']);
  });
});

describe("a table", () => {
  const rows = [
    { slug: "acme", name: "Acme", status: "active", note: null },
    {
      slug: "globex-industries",
      name: "Globex Industries 株式会社 and more of the name",
      status: "suspended",
      note: "a note",
    },
  ];

  it("is never wider than the terminal, and never cut in a pipe", () => {
    for (const width of [120, 80, 60, 40, 24])
      expect(widest(tableText(rows, columns, paint, width).text)).toBeLessThanOrEqual(width);
    const whole = tableText(rows, columns, paint, undefined).text;
    expect(whole).toContain("Globex Industries 株式会社 and more of the name");
    expect(whole).not.toContain("…");
  });

  it("drops times and counts rather than cutting an id", () => {
    const id = "01890000-0000-7000-8000-000000000009";
    const { text, dropped } = tableText(
      [{ at: "2026-11-24T00:32:35.000Z", kind: "data-breach", status: "open", done: 2, id }],
      [{ key: "at", as: "time" }, { key: "kind" }, { key: "status" }, { key: "done", as: "count" }, { key: "id" }],
      paint,
      60,
    );
    expect([text.split("\n").at(-1)?.replace(/ +/g, " "), dropped]).toEqual([`data-breach open ${id}`, 2]);
  });

  it("drops what matters least first, and keeps what names the row whole", () => {
    const { text, dropped } = tableText(rows, columns, paint, 45);
    expect(dropped).toBe(1);
    expect(text).toContain("globex-industries  Globex");
    expect(text).toContain("…");
    expect(text).not.toContain("NOTE");
  });
});

describe("a record", () => {
  it("wraps long values under themselves, and shows lists as tables", () => {
    const text = recordText(
      {
        name: "acme",
        reason: "one two three four five six seven eight nine ten",
        quotas: [{ resource: "storage_bytes", used: 5_000_000, limit: null }],
      },
      [],
      paint,
      40,
    );
    expect(widest(text)).toBeLessThanOrEqual(40);
    expect(text).toMatch(/reason {2}one two .*\n {8}\w/);
    expect(text).toMatch(/storage_bytes +5\.0 MB +unlimited/);
  });
});

import { expect, it } from "vitest";
import { csvRecords } from "../src/provision/csv-records.ts";
import { fileRows } from "../src/provision/file-rows.ts";
import { barLine, progressLines } from "../src/provision/progress.ts";
import { headFault, type TenantRow, tenantRow } from "../src/provision/tenant-row.ts";

async function* pieces(text: string, size = text.length): AsyncGenerator<string> {
  for (let start = 0; start < text.length; start += size) yield text.slice(start, start + size);
}
async function* bytes(...parts: readonly (string | number[])[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield Buffer.from(part as string);
}
const all = async <T>(source: AsyncIterable<T>): Promise<T[]> => {
  const values: T[] = [];
  for await (const value of source) values.push(value);
  return values;
};

it("reads CSV with quotes, commas, breaks and empty values, whatever pieces it comes in", async () => {
  const text = 'name,plan\r\n"Acme, ""the"" one",basic\r\n\r\n"two\r\nlines",\n,""\rlast,pro';
  const expected = [
    { line: 1, fields: ["name", "plan"] },
    { line: 2, fields: ['Acme, "the" one', "basic"] },
    { line: 4, fields: ["two\r\nlines", ""] },
    { line: 6, fields: ["", ""] },
    { line: 7, fields: ["last", "pro"] },
  ];
  for (let size = 1; size <= text.length; size += 1)
    expect([size, await all(csvRecords(pieces(text, size)))]).toEqual([size, expected]);
});

it.each([
  ['a,b\nx"y,z\n', 2, /quote in a value that is not quoted/],
  ['a,b\n"x"y,z\n', 2, /behind a closing quote/],
  ['a,b\n1,2\n"x,z\n1,2\n', 3, /never closed/],
  [`a,b\n"${"x\n".repeat(40_000)}`, 2, /quote may be left open/],
])("says in which line CSV %j is broken", async (text, line, message) => {
  const reading = all(csvRecords(pieces(text)));
  await expect(reading).rejects.toMatchObject({ line, message: expect.stringMatching(message) });
});

it("knows JSON lines by their first character, and names a row that is none", async () => {
  const rows = await all(fileRows(bytes('\n{"admin-name":"A', 'nn"}\r\n[1]\n{\n\n'), () => undefined));
  expect(rows).toEqual([
    { line: 2, values: { adminName: "Ann" } },
    { line: 3, fault: "is not a JSON object" },
    { line: 4, fault: "is not JSON" },
  ]);
});

it("drops a byte order mark, takes flags' names for columns, and refuses what is not UTF-8", async () => {
  const mark = [0xef, 0xbb, 0xbf];
  const rows = await all(fileRows(bytes(mark, "Name,admin-email\nx,y\nx\n"), () => undefined));
  expect(rows).toEqual([
    { line: 2, values: { Name: "x", adminEmail: "y" } },
    { line: 3, fault: "has 1 values where the first line names 2 columns" },
  ]);
  await expect(all(fileRows(bytes("name\nM", [0xfc], "ller\n"), () => undefined))).rejects.toThrow(/UTF-8/);
});

it("says what is wrong with the columns once, and not in every row", () => {
  const good = ["name", "contactEmail", "adminName", "adminEmail"];
  expect(headFault([...good, "plan"], undefined)).toBeUndefined();
  expect(headFault(good, "basic")).toBeUndefined();
  expect(headFault(good, undefined)).toBe("names no column plan");
  expect(headFault([...good, "plan", "pln"], undefined)).toMatch(/^names "pln"; the columns are name, slug, /);
  expect(headFault([...good, "plan", "name"], undefined)).toBe("names the column name twice");
});

const row = (more: Record<string, unknown> = {}) => ({
  name: " Acme Corp ",
  contactEmail: "it@acme.example",
  adminName: "Ada",
  adminEmail: "ada@acme.example",
  plan: "basic",
  ...more,
});
const options = { plan: undefined, plans: new Set(["basic", "pro"]) };

it("makes a row's slug from its name, drops blanks around values, and leaves a password as it is", () => {
  const expected: TenantRow = {
    name: "Acme Corp",
    slug: "acme-corp",
    contactEmail: "it@acme.example",
    adminName: "Ada",
    adminEmail: "ada@acme.example",
    adminPassword: " blanks around ",
    plan: "basic",
  };
  expect(tenantRow(row({ adminPassword: " blanks around " }), options)).toEqual(expected);
  expect(tenantRow(row({ plan: "" }), { ...options, plan: "pro" })).toMatchObject({ plan: "pro", adminPassword: null });
});

it.each([
  [{ name: "" }, "name is missing"],
  [{ name: "株式会社" }, 'slug is missing, and none can be made from "株式会社"'],
  [{ slug: "Not A Slug" }, 'slug takes lower-case words and hyphens, not "Not A Slug"'],
  [{ slug: "admin" }, 'the slug "admin" is reserved'],
  [{ adminEmail: "ada" }, 'adminEmail takes an e-mail, not "ada"'],
  [{ plan: "gold" }, 'there is no plan "gold"'],
  [{ name: "a\u0007b" }, "name has a control character"],
  [{ name: "x".repeat(201) }, "name is longer than 200 characters"],
  [{ adminName: 7 }, "adminName takes a text"],
  [{ colour: "red" }, /^"colour" is none of name, slug, /],
  [{ adminPassword: "x\u0000secret" }, "adminPassword has a control character"],
])("finds what is wrong with %j", (more, fault) => {
  expect(tenantRow(row(more), options)).toEqual([typeof fault === "string" ? fault : expect.stringMatching(fault)]);
});

it.each([120, 80, 60, 40, 20])("shows a bar that fits a terminal of %d columns", (columns) => {
  for (const value of [0, 1, 99_999, 100_000])
    for (const failed of [0, 17]) {
      const line = barLine({ value, total: 100_000, failed, seconds: 5000 }, columns);
      expect(line.length).toBeLessThan(columns);
      expect(line).toMatch(/^provisioning/);
    }
});

it("logs a line for each tenth of many, and every failure", () => {
  const lines: string[] = [];
  const progress = progressLines((line) => lines.push(line));
  progress.begin(1000);
  const none = { tenantId: null, adminSecret: null, adminSecretExpiresAt: null, error: null };
  for (let line = 1; line <= 1000; line += 1) {
    const stored = { line, tenant: { ...row(), slug: `t-${line}`, adminPassword: null } };
    const error = { code: "slug_taken", detail: "taken" };
    progress.row(stored, line === 7 ? { ...none, outcome: "failed", error } : { ...none, outcome: "provisioned" });
  }
  expect(lines).toHaveLength(12);
  expect([lines[0], lines[1], lines[11]]).toEqual([
    "provisioning 1000 tenants",
    "failed: line 7, t-7: taken",
    "1000 of 1000 tenants",
  ]);
});

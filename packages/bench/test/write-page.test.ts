import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { writePage } from "../src/write-page.ts";

let folder: string;
let page: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "page-"));
  page = join(folder, "performance.md");
});
afterEach(() => rmSync(folder, { recursive: true }));

const place = (run: string, text: string): string => `<!-- measured: ${run} -->\n${text}\n<!-- /measured: ${run} -->`;
const write = (text: string): void => writeFileSync(page, text);
const read = (): string => readFileSync(page, "utf8");

test("a run's numbers replace those between its own marks, and nothing else", () => {
  write(`# Speed\n\n${place("bench", "old")}\n\nWhy.\n\n${place("growth", "other")}\n`);
  writePage(page, "bench", "new");
  writePage(page, "bench", "newer");
  expect(read()).toBe(`# Speed\n\n${place("bench", "newer")}\n\nWhy.\n\n${place("growth", "other")}\n`);
});

test("a run without a place gets one at the end", () => {
  write("# Speed\n");
  writePage(page, "overload", "numbers");
  expect(read()).toBe(`# Speed\n\n${place("overload", "numbers")}\n`);
});

test.each([
  "<!-- measured: bench -->",
  "<!-- /measured: bench -->",
  "<!-- /measured: bench --><!-- measured: bench -->",
])("a page with %s has no place, and stays as it is", (marks) => {
  write(marks);
  expect(() => writePage(page, "bench", "new")).toThrow("no place");
  expect(read()).toBe(marks);
});

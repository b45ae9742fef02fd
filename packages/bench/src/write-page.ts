import { readFileSync, writeFileSync } from "node:fs";

const begin = "<!-- measured -->";
const end = "<!-- /measured -->";

/** Puts what was measured into the page, between its two marks. Throws where the marks are missing. */
export const writePage = (path: string | URL, measured: string): void => {
  const page = readFileSync(path, "utf8");
  const from = page.indexOf(begin);
  const to = page.indexOf(end);
  if (from < 0 || to < from) throw new Error(`the page has no place for numbers, between ${begin} and ${end}`);
  writeFileSync(path, `${page.slice(0, from + begin.length)}\n${measured}\n${page.slice(to)}`);
};

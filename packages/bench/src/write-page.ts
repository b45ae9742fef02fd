import { readFileSync, writeFileSync } from "node:fs";

/**
 * Puts what was measured into the page, between the marks of that run. A run that has no place there yet gets one at the
 * page's end. Throws where one mark of the two is missing.
 */
export const writePage = (path: string | URL, run: string, measured: string): void => {
  const begin = `<!-- measured: ${run} -->`;
  const end = `<!-- /measured: ${run} -->`;
  const page = readFileSync(path, "utf8");
  const from = page.indexOf(begin);
  const to = page.indexOf(end);
  if (from < 0 && to < 0) {
    writeFileSync(path, `${page.trimEnd()}\n\n${begin}\n${measured}\n${end}\n`);
    return;
  }
  if (from < 0 || to < from) throw new Error(`the page has no place for numbers, between ${begin} and ${end}`);
  writeFileSync(path, `${page.slice(0, from + begin.length)}\n${measured}\n${page.slice(to)}`);
};
